import packed from '@sparticuz/chromium';
import { IS_PACKED } from './use-browser.ts';

/** Once and before all files: two that unpack at a time would disturb each other. */
export async function mochaGlobalSetup(): Promise<void> {
  if (IS_PACKED) await packed.executablePath();
}
