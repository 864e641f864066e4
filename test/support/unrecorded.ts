/** A recorder that keeps nothing, for tests of what is done and not of its record. */
import { recorderOf } from '../../internal/platform/recorder.ts';

/** Announces to nobody. */
export const unrecorded = recorderOf(async () => async () => {}, { kind: 'unproven', account: undefined });
