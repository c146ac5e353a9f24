import { constants, cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './server-process.js';

/** Copies the files that the example pipelines read into another folder, under the same relative paths. */
export function copyExampleData(to: string): void {
  const pipelines = join(ROOT, 'examples/pipelines');
  for (const file of readdirSync(pipelines).filter((name) => name.endsWith('.yaml'))) {
    const text = readFileSync(join(pipelines, file), 'utf8');
    for (const [path] of text.matchAll(/(?:node_modules|examples)\/[\w./-]+\.\w+/g)) {
      cpSync(join(ROOT, path), join(to, path), { mode: constants.COPYFILE_FICLONE });
    }
  }
}
