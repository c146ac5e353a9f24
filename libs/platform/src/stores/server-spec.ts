import { join } from 'node:path';

import { type ServerBinary } from './route.js';

/** Everything the guardian needs to run one server. Travels as JSON. */
export interface ServerSpec {
  name: 'mongod' | 'redis';
  command: string;
  args: string[];
  libraryPath: string[];
  port: number;
  /** Data of the server; its log and the pid file lie there too. */
  folder: string;
}

const WIRED_TIGER_CACHE_GB = '0.25';

export function mongodSpec(binary: ServerBinary, dataDir: string, port: number): ServerSpec {
  const folder = join(dataDir, 'mongod');
  const args = [
    ...['--dbpath', folder, '--port', String(port), '--bind_ip', '127.0.0.1', '--nounixsocket'],
    ...['--replSet', 'rs0', '--oplogSize', '512', '--wiredTigerCacheSizeGB', WIRED_TIGER_CACHE_GB],
    // The packaged binary crashes on a compressor that its system's libraries lack; on loopback none is needed.
    ...['--networkMessageCompressors', 'disabled'],
    // Its minute-by-minute diagnostics would keep an idle laptop's disk awake.
    ...['--setParameter', 'diagnosticDataCollectionEnabled=false', '--quiet'],
  ];
  return { name: 'mongod', ...program(binary), args, port, folder };
}

export function redisSpec(binary: ServerBinary, dataDir: string, port: number): ServerSpec {
  const folder = join(dataDir, 'redis');
  const args = [
    ...['--dir', folder, '--port', String(port), '--bind', '127.0.0.1', '--daemonize', 'no'],
    // BullMQ needs both: jobs survive a restart, and a full Redis refuses writes rather than dropping jobs.
    ...['--appendonly', 'yes', '--save', '', '--maxmemory-policy', 'noeviction'],
  ];
  return { name: 'redis', ...program(binary), args, port, folder };
}

function program(binary: ServerBinary): Pick<ServerSpec, 'command' | 'libraryPath'> {
  return { command: binary.path, libraryPath: binary.libraryPath ?? [] };
}
