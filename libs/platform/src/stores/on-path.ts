import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

import { type Route } from './route.js';
import { runTool } from './run-tool.js';

/** A program on PATH that starts at all; the first of the names that is there. */
export function onPath(names: string[], path = process.env.PATH ?? ''): Route {
  return {
    name: 'on PATH',
    async find() {
      const found = names.flatMap((name) => locate(name, path) ?? [])[0];
      if (!found) throw new Error(`no ${names.join(' or ')}`);
      await runTool(found, ['--version'], { timeoutMs: 10_000 });
      return { path: found, origin: 'on PATH' };
    },
  };
}

function locate(name: string, path: string): string | undefined {
  return path
    .split(delimiter)
    .filter(Boolean)
    .map((folder) => join(folder, name))
    .find(isExecutableFile);
}

function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
