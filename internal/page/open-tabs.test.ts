import { expect, test } from 'vitest';
import { type HandClock, handClock } from '../../test/support/hand-clock.ts';
import { inTimeOf } from '../clock/clock.ts';
import { type OpenTabs, type TabsSetting, watchTabs } from './open-tabs.ts';

/** A watch in a time that a test lets pass. `ended` says whether it found nobody there by then, and whether anybody ever was. */
async function watching(
  setting: Partial<TabsSetting>,
  act: (watch: {
    tabs: OpenTabs;
    pass: HandClock['pass'];
    ended(): Promise<{ everSeen: boolean } | 'not yet'>;
  }) => Promise<void>,
): Promise<void> {
  const time = handClock();
  await inTimeOf(time, async () => {
    const tabs = watchTabs({ timeoutMs: () => 60_000, away: () => false, ...setting });
    await act({ tabs, pass: time.pass, ended: () => Promise.race([tabs.gone, Promise.resolve('not yet' as const)]) });
    tabs.close();
  });
}

test('nobody ever came: it ends after the timeout, and says so', async () => {
  await watching({}, async ({ pass, ended }) => {
    pass(59_500);
    expect(await ended()).toBe('not yet');
    pass(1_000);
    expect(await ended()).toEqual({ everSeen: false });
  });
});

test('a tab that is open keeps it open, however long; closed, it has its moment to come back', async () => {
  await watching({}, async ({ tabs, pass, ended }) => {
    tabs.seen();
    const tab = tabs.holdOpen().getReader();
    expect(new TextDecoder().decode((await tab.read()).value)).toMatch(/^retry: \d+\n: .*\n\n$/);
    pass(86_400_000);
    await tab.cancel();
    pass(59_500);
    expect(await ended()).toBe('not yet');
    pass(1_000);
    expect(await ended()).toEqual({ everSeen: true });
  });
});

test('one tab of two that is closed ends nothing', async () => {
  await watching({}, async ({ tabs, pass, ended }) => {
    const [one, two] = [tabs.holdOpen(), tabs.holdOpen()];
    await one.cancel();
    pass(600_000);
    expect(await ended()).toBe('not yet');
    await two.cancel();
    pass(61_000);
    expect(await ended()).toEqual({ everSeen: false });
  });
});

test('a browser without scripts holds nothing open: its visits count, for as long as the timeout', async () => {
  await watching({ timeoutMs: () => 600_000 }, async ({ tabs, pass, ended }) => {
    tabs.seen();
    pass(599_000);
    tabs.seen();
    pass(599_000);
    expect(await ended()).toBe('not yet');
    pass(2_000);
    expect(await ended()).toEqual({ everSeen: true });
  });
});

test('while the person is at a service nobody is missed', async () => {
  let away = true;
  await watching({ away: () => away }, async ({ tabs, pass, ended }) => {
    tabs.seen();
    pass(600_000);
    away = false;
    pass(59_000);
    expect(await ended()).toBe('not yet');
    pass(2_000);
    expect(await ended()).toEqual({ everSeen: true });
  });
});
