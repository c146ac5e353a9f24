import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';

const MODULE = /(?<!\.d)\.(?:ts|mts|js|mjs|cjs)$/;
const TEST = /\.(?:spec|test|e2e-spec)\.[cm]?[jt]s$/;

/**
 * The handler modules under some files and directories, sorted, each once. Declarations, specs, `node_modules`
 * and hidden directories are left out. @throws Error naming a path that does not exist.
 */
export async function findHandlerFiles(paths: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  const visit = async (path: string): Promise<void> => {
    const entries = await readdir(path, { withFileTypes: true });
    for (const entry of entries) {
      const child = join(path, entry.name);
      if (entry.isDirectory()) {
        if (entry.name !== 'node_modules' && !entry.name.startsWith('.')) await visit(child);
      } else if (MODULE.test(entry.name) && !TEST.test(entry.name)) found.add(child);
    }
  };
  for (const path of paths.map((one) => resolve(one))) {
    const kind = await stat(path).catch(() => undefined);
    if (!kind) throw new Error(`the handlers path ${path} does not exist`);
    if (kind.isDirectory()) await visit(path);
    else found.add(path);
  }
  return [...found].sort();
}
