import { expect, test } from 'vitest';
import { refreshTools } from '../../run/values/tools.ts';
import { withoutUnknown } from './without-unknown.ts';

test('what a later version says more is passed over, and what it would do is never taken for done', () => {
  const judged = (value: unknown) => {
    const { success, data } = withoutUnknown(refreshTools.result, value);
    return success ? data : undefined;
  };
  const planned = { services: [], would_sign_in_at: ['notion'] };
  expect(judged({ services: [], later: 1 })).toEqual({ services: [] });
  expect(judged({ ...planned, later: 1 })).toEqual(planned);
  expect(judged({ ...planned, would_sign_in_at: 'notion', later: 1 })).toEqual(undefined);
});
