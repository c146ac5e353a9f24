import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { NodeError } from '../node-kind.js';
import { type NodeSettings } from '../settings.js';
import { placesOnPath } from './environment.js';

/**
 * The absolute path of the program that a command names, as a shell would find it: a name on the worker's PATH, a path
 * from the working folder.
 * @throws NodeError when this worker runs no commands, not this one, or has none of that name
 */
export async function allowedProgram(
  written: string,
  cwd: string,
  { enabled, allowed }: NodeSettings['commands'],
): Promise<string> {
  if (!enabled) {
    const message =
      'this worker runs no commands; set COMMANDS_ENABLED=true and name the programs in COMMANDS_ALLOWED';
    throw new NodeError('CommandsDisabled', message, false);
  }
  if (written.trim() === '') throw new NodeError('InvalidConfig', 'config.command.0 is empty', false);
  const byName = !written.includes('/');
  const places = byName ? placesOnPath(written) : [resolve(cwd, written)];
  // Asked before anybody looks, so that nobody learns which programs there are.
  const mayRun = (place: string): boolean =>
    allowed.some((pattern) =>
      pattern === '*' || pattern.includes('/')
        ? matches(pattern, place)
        : byName && matches(pattern, written),
    );
  const permitted = places.filter(mayRun);
  if (permitted.length === 0) {
    const message = `'${written}' is none of the programs that this worker may run (COMMANDS_ALLOWED: ${allowed.join(', ')})`;
    throw new NodeError('CommandNotAllowed', message, false);
  }
  for (const place of places) {
    if (!(await isProgram(place))) continue;
    if (permitted.includes(place)) return place;
    const message = `'${written}' is ${place} on this worker, which COMMANDS_ALLOWED does not have (${allowed.join(', ')})`;
    throw new NodeError('CommandNotAllowed', message, false);
  }
  const where = byName ? 'on the PATH of this worker' : `(looked for ${places[0]})`;
  throw new NodeError('CommandNotFound', `there is no program '${written}' ${where}`, false);
}

/** `*` is anything; in a longer pattern `*` and `?` stay within a folder, and `**` does not. */
export function matches(pattern: string, text: string): boolean {
  if (pattern === '*') return true;
  const source = pattern.replace(/\*\*|[*?]|[.+^${}()|[\]\\]/g, (part) => GLOB[part] ?? `\\${part}`);
  return new RegExp(`^${source}$`, 's').test(text);
}

const GLOB: Record<string, string> = { '**': '.*', '*': '[^/]*', '?': '[^/]' };

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
