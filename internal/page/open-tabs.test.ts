import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { type TabsSetting, watchTabs } from './open-tabs.ts';

/** A watch with short times; `left` says after how long it found nobody there. */
function watch(setting: Partial<TabsSetting> = {}) {
  const tabs = watchTabs({ timeoutMs: () => 400, away: () => false, graceMs: 1_000, ...setting });
  onTestFinished(() => tabs.close());
  const began = performance.now();
  const left = tabs.gone.then(({ everSeen }) => ({ everSeen, after: performance.now() - began }));
  return { tabs, left };
}

test('nobody ever came: it ends after the timeout, and says so', async () => {
  const { everSeen, after } = await watch().left;
  expect(everSeen).toBe(false);
  expect(after).toBeGreaterThan(390);
});

test('a tab that is open keeps it open, however long; closed, it has its moment to come back', async () => {
  const { tabs, left } = watch();
  tabs.seen();
  const tab = tabs.holdOpen().getReader();
  expect(new TextDecoder().decode((await tab.read()).value)).toMatch(/^retry: \d+\n: .*\n\n$/);
  await sleep(1_800);
  const closed = performance.now();
  await tab.cancel();
  expect((await left).everSeen).toBe(true);
  expect(performance.now() - closed).toBeGreaterThan(990);
});

test('one tab of two that is closed ends nothing', async () => {
  const { tabs, left } = watch({ graceMs: 100 });
  const [one, two] = [tabs.holdOpen(), tabs.holdOpen()];
  await one.cancel();
  expect(await Promise.race([left.then(() => 'ended'), sleep(1_500, 'open')])).toBe('open');
  await two.cancel();
  await left;
});

test('a browser without scripts holds nothing open: its visits count, for as long as the timeout', async () => {
  const { tabs, left } = watch({ timeoutMs: () => 900 });
  tabs.seen();
  await sleep(600);
  tabs.seen();
  const { everSeen, after } = await left;
  expect([everSeen, after > 1_400]).toEqual([true, true]);
});

test('while the person is at a service nobody is missed', async () => {
  let away = true;
  const { tabs, left } = watch({ timeoutMs: () => 1_000, away: () => away });
  tabs.seen();
  await sleep(1_500);
  away = false;
  expect((await left).after).toBeGreaterThan(1_900);
});
