import { arch, platform } from 'node:os';
import { join } from 'node:path';

import { type DownloadCache } from './cache.js';
import { DebianPackages } from './debian.js';
import { onPath } from './on-path.js';
import { type Route } from './route.js';
import { type Log } from './run-tool.js';
import { completeLibraries, libraryFolders } from './shared-libraries.js';

export const REDIS_ADVICE =
  'Install Redis or Valkey (apt-get install redis-server, brew install redis, ...) so that redis-server or ' +
  'valkey-server is on PATH, or set REDIS_URL, for example REDIS_URL=redis://localhost:6379';

/** In order of preference. */
export function redisRoutes(cache: DownloadCache, log: Log): Route[] {
  return [onPath(['redis-server', 'valkey-server']), debianRedis(cache, log)];
}

/** Debian's redis-server, unpacked into the cache instead of installed: no root, no service, no other port. */
function debianRedis(cache: DownloadCache, log: Log): Route {
  return {
    name: 'Debian package',
    async find() {
      if (platform() !== 'linux') throw new Error('apt is there on Linux only');
      const made = await cache.once(`redis-debian-${arch()}`, log, async (folder) => {
        log('downloading redis-server from Debian, once');
        await unpackRedis(folder, new DebianPackages(log));
      });
      return { path: binaryIn(made), libraryPath: libraryFolders(made), origin: 'Debian package' };
    },
  };
}

/** In Debian, /usr/bin/redis-server is a link to the program that redis-tools holds. */
const binaryIn = (folder: string): string => join(folder, 'usr/bin/redis-server');

async function unpackRedis(folder: string, debian: DebianPackages): Promise<void> {
  const packages = ['redis-server', 'redis-tools'];
  try {
    await debian.unpack(packages, folder);
    await completeLibraries(binaryIn(folder), { folder, packages }, debian);
  } finally {
    debian.dispose();
  }
}
