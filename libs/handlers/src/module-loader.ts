import { join } from 'node:path';
import { createJiti } from 'jiti';

/** `.js` in the build, `.ts` where specs run from the source. */
const EXTENSION = __filename.slice(-3);
/** What `import '@tauro/sdk'` means in a handler module. */
export const SDK_FILE = join(__dirname, `../../sdk/src/index${EXTENSION}`);

/**
 * Loads modules, TypeScript included. What it loads rejects with an error that names the module at fault.
 * @param cacheDirectory where transpiled TypeScript is kept; nowhere when absent
 */
export function moduleLoader(cacheDirectory?: string): (file: string) => Promise<void> {
  const jiti = createJiti(__filename, {
    alias: { '@tauro/sdk': SDK_FILE },
    fsCache: cacheDirectory ?? false,
  });
  return async (file) => {
    try {
      await jiti.import(file);
    } catch (error) {
      throw new Error(`${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  };
}
