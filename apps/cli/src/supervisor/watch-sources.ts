import { spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

import { type Deployment } from './bring-up.js';
import { type Shutdown } from './shutdown.js';
import { type Terminal } from './terminal.js';

const BUILT = resolve(__dirname, '../../../..');
/** One change rebuilds several files; they are written within a moment. */
const SETTLE_MS = 300;

interface Parties {
  deployment: Deployment;
  terminal: Terminal;
  shutdown: Shutdown;
}

/** Rebuilds when a source file changes, and restarts the API and the workers when the build has written something. */
export function watchSources({ deployment, terminal, shutdown }: Parties): void {
  // Not a literal: the compiler is a development dependency, and so is everything that is watched.
  const nest = createRequire(__filename).resolve(['@nestjs/cli', 'bin', 'nest.js'].join('/'));
  const build = spawn(process.execPath, [nest, 'build', '--watch', '--preserveWatchOutput'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [build.stdout, build.stderr]) {
    createInterface(stream).on('line', (line) => line.trim() && terminal.child('build', line));
  }
  const stopBuild = (): void => void build.kill('SIGTERM');
  process.once('exit', stopBuild);
  shutdown.add(stopBuild);

  let restarting = Promise.resolve();
  let settle: NodeJS.Timeout | undefined;
  const onChange = (_event: string, file: string | null): void => {
    if (!file?.endsWith('.js')) return;
    clearTimeout(settle);
    settle = setTimeout(() => {
      restarting = restarting.then(() => {
        terminal.say('sources changed: restarting the API and the workers');
        return deployment.restart();
      });
    }, SETTLE_MS);
  };
  const watchers = ['apps', 'libs'].map((room) => watch(resolve(BUILT, room), { recursive: true }, onChange));
  shutdown.add(() => {
    clearTimeout(settle);
    for (const watcher of watchers) watcher.close();
    return restarting;
  });
}
