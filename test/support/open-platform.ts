/** A platform that is open for somebody, for tests of what features ask of it. */
import { type Platform, type PlatformSettings, preparePlatform } from '../../internal/platform/client.ts';

/** Opens it for a person of this machine. */
export async function openPlatform(settings: Omit<PlatformSettings, 'onChange'>): Promise<Platform> {
  const openFor = await preparePlatform({ ...settings, onChange: async () => async () => {} });
  return openFor({ kind: 'person', proof: 'os', issuer: 'machine:1', subject: '1000', label: 'ada' });
}
