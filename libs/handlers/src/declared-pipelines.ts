import { readFile } from 'node:fs/promises';
import { type Json } from '@tauro/domain';
import { registeredPipelines } from '@tauro/sdk';
import { moduleLoader } from './module-loader.js';

/** `@Pipeline(` or `pipeline(` in a file that imports us: whatever else a file does is nobody's business but a worker's. */
const DECLARES = /\b[Pp]ipeline\s*\(/;

/** Whether a module may declare a pipeline, as far as its text tells without running it. */
export async function mayDeclarePipelines(file: string): Promise<boolean> {
  const text = await readFile(file, 'utf8');
  return text.includes('@tauro/sdk') && DECLARES.test(text);
}

/**
 * Loads a module, and with it whatever code it holds. Not for a process that must live on.
 * @returns the definitions that it declares, which nobody has checked
 */
export async function loadDeclaredPipelines(file: string): Promise<Json[]> {
  const before = registeredPipelines().length;
  await moduleLoader()(file);
  return registeredPipelines()
    .slice(before)
    .map((definition) => JSON.parse(JSON.stringify(definition)) as Json);
}
