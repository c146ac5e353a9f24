import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from './wait-for.js';

/** The image that tests run: a shell and the usual tools. */
export const IMAGE = 'localhost/tauro-test:1';

const TOOLS = ['sh', 'cat', 'sleep', 'env', 'ls', 'head', 'touch', 'yes', 'printf', 'pwd'];

/**
 * Where nobody named a limit of files or of processes per user, Podman asks for 1048576, which a machine that runs tests
 * in a container itself may not give.
 */
const RUNTIME = `#!${process.execPath}
const { readFileSync, writeFileSync } = require('node:fs');
const args = process.argv.slice(2);
const at = args.indexOf('--bundle');
if (at > 0) {
  const file = args[at + 1] + '/config.json';
  const config = JSON.parse(readFileSync(file, 'utf8'));
  config.process.rlimits = (config.process.rlimits ?? []).filter(({ hard }) => hard !== 1048576);
  writeFileSync(file, JSON.stringify(config));
}
const { status } = require('node:child_process').spawnSync('runc', args, { stdio: 'inherit' });
process.exit(status ?? 1);
`;

const onPath = (program: string): string | undefined => {
  try {
    return execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
};

/**
 * A real container engine with the Docker API: the one of `TEST_DOCKER_HOST`, which has the image already, or a podman of
 * the test's own, in a folder that goes with it.
 */
export class ContainerEngine {
  private constructor(
    readonly host: string,
    private readonly folder?: string,
    private readonly service?: ChildProcess,
  ) {}

  /** Why there can be none here; undefined when there can. */
  static missing(): string | undefined {
    if (process.env.TEST_DOCKER_HOST) return undefined;
    if (process.getuid?.() !== 0)
      return "a podman of the test's own needs root; TEST_DOCKER_HOST can name an engine";
    for (const program of ['podman', 'runc', 'busybox']) {
      if (!onPath(program)) return `no ${program} on the PATH, and no TEST_DOCKER_HOST`;
    }
    return undefined;
  }

  static async start(): Promise<ContainerEngine> {
    const given = process.env.TEST_DOCKER_HOST;
    if (given) return new ContainerEngine(given);
    const folder = mkdtempSync(join(tmpdir(), 'tauro-engine-'));
    const config = join(folder, 'containers.conf');
    const runtime = join(folder, 'runtime');
    writeFileSync(runtime, RUNTIME, { mode: 0o755 });
    writeFileSync(
      config,
      `[engine]\nruntime="own"\ncgroup_manager="cgroupfs"\n[engine.runtimes]\nown=["${runtime}"]\n`,
    );
    const storage = [
      '--root',
      join(folder, 'root'),
      '--runroot',
      join(folder, 'run'),
      '--storage-driver',
      'vfs',
    ];
    const env = { ...process.env, CONTAINERS_CONF: config, TMPDIR: folder };
    const podman = (...args: string[]): string =>
      execFileSync('podman', [...storage, ...args], {
        env,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    const image = join(folder, 'image');
    for (const name of ['bin', 'tmp', 'etc', 'proc', 'sys', 'dev'])
      mkdirSync(join(image, name), { recursive: true });
    copyFileSync(onPath('busybox')!, join(image, 'bin/busybox'));
    for (const tool of TOOLS) symlinkSync('busybox', join(image, 'bin', tool));
    execFileSync('tar', ['-C', image, '-cf', join(folder, 'image.tar'), '.']);
    podman('import', join(folder, 'image.tar'), IMAGE);
    const socket = join(folder, 'engine.sock');
    const service = spawn('podman', [...storage, 'system', 'service', '--time=0', `unix://${socket}`], {
      env,
      // Where it notes what ran out of memory.
      cwd: folder,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    await waitFor(() => existsSync(socket), { what: 'the engine to listen' });
    return new ContainerEngine(`unix://${socket}`, folder, service);
  }

  async stop(): Promise<void> {
    if (!this.service) return;
    const gone = new Promise((done) => this.service!.once('exit', done));
    this.service.kill('SIGTERM');
    await gone;
    rmSync(this.folder!, { recursive: true, force: true });
  }
}
