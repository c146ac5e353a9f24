import { mkdtempSync, appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { type CommandEnd } from '@tauro/nodes';
import { containersOf, removeContainers } from './containers.js';
import { LABELS, runContainer } from './run-container.js';
import { type RunningCommand } from './run-command.js';

/**
 * The part of the Docker API that is used, as engines speak it: over a real connection, with the frames of `attach` on a
 * connection that is no longer HTTP. What is run in its containers each test decides.
 */
class Engine {
  readonly requests: string[] = [];
  readonly containers = new Map<string, Container>();
  images = ['tool:1'];
  /** What a start does: prints, and ends in time. */
  program: (container: Container) => void = (container) => container.exit(0);
  /** Answers of engines that refuse: status and message by the beginning of the request. */
  refusals: Record<string, [number, string]> = {};
  private readonly server: Server;

  private constructor() {
    this.server = createServer((request, response) => void this.answer(request, response));
    this.server.listen(0, '127.0.0.1');
  }

  static async start(): Promise<Engine> {
    const engine = new Engine();
    await new Promise((listening) => engine.server.once('listening', listening));
    return engine;
  }

  get client(): Docker {
    return new Docker({ host: '127.0.0.1', port: (this.server.address() as AddressInfo).port });
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url!.replace(/^\/v[\d.]+/, '');
    const what = `${request.method} ${decodeURIComponent(path)}`;
    this.requests.push(what);
    const body = await bodyOf(request);
    const send = (status: number, json?: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(json === undefined ? undefined : JSON.stringify(json));
    };
    const refused = Object.entries(this.refusals).find(([beginning]) => what.startsWith(beginning));
    if (refused) return send(refused[1][0], { message: refused[1][1] });
    const [, kind, id, verb] =
      /^\/(\w+)\/([^?]*?)(?:\/(\w+))?(?:\?.*)?$/.exec(decodeURIComponent(path)) ?? [];
    if (kind === 'images' && request.method === 'POST') {
      const image = new URL(path, 'http://x').searchParams;
      this.images.push(`${image.get('fromImage')}:${image.get('tag')}`);
      response.writeHead(200, { 'content-type': 'application/json' });
      return void response.end('{"status":"Pulling"}\r\n{"status":"Done"}\r\n');
    }
    if (kind === 'images') {
      const known = this.images.includes(decodeURIComponent(path.slice('/images/'.length, -'/json'.length)));
      return known ? send(200, { Id: 'sha256:1' }) : send(404, { message: 'No such image' });
    }
    if (path.startsWith('/containers/create')) {
      const made = new Container(`c${this.containers.size + 1}`, JSON.parse(body));
      this.containers.set(made.id, made);
      return send(201, { Id: made.id, Warnings: [] });
    }
    if (path.startsWith('/containers/json')) {
      const { label } = JSON.parse(new URL(path, 'http://x').searchParams.get('filters')!) as {
        label: string[];
      };
      const all = [...this.containers.values()].filter((one) =>
        label.every((text) => one.labels.includes(text)),
      );
      return send(
        200,
        all.map((one) => ({ Id: one.id, Labels: one.options.Labels })),
      );
    }
    const container = this.containers.get(id!);
    if (!container) return send(404, { message: `no such container: ${id}` });
    if (request.method === 'DELETE') {
      this.containers.delete(container.id);
      container.exit(137);
      return send(204);
    }
    if (verb === 'attach') return container.attach(request.socket);
    if (verb === 'start') {
      send(204);
      return this.program(container);
    }
    if (verb === 'wait') return send(200, { StatusCode: await container.ended });
    if (verb === 'json') return send(200, { State: { OOMKilled: container.outOfMemory } });
    if (verb === 'stop') {
      container.onStop();
      await container.ended;
      return send(204);
    }
    send(500, { message: `unexpected ${what}` });
  }
}

class Container {
  socket?: Socket;
  outOfMemory = false;
  onStop: () => void = () => this.exit(143);
  readonly ended: Promise<number>;
  private end!: (code: number) => void;

  constructor(
    readonly id: string,
    readonly options: Docker.ContainerCreateOptions,
  ) {
    this.ended = new Promise((resolve) => (this.end = resolve));
  }

  get labels(): string[] {
    return Object.entries(this.options.Labels ?? {}).map(([name, value]) => `${name}=${value}`);
  }

  attach(socket: Socket): void {
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n');
    this.socket = socket;
  }

  /** A frame of the stream: its kind, its length, and what was printed. */
  print(kind: 1 | 2, text: string | Buffer): void {
    const payload = Buffer.from(text as string);
    const head = Buffer.from([kind, 0, 0, 0, 0, 0, 0, 0]);
    head.writeUInt32BE(payload.length, 4);
    this.socket!.write(Buffer.concat([head, payload]));
  }

  exit(code: number): void {
    this.socket?.end();
    this.end(code);
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

describe('a container', () => {
  let engine: Engine;
  let folder: string;
  beforeEach(async () => {
    engine = await Engine.start();
    folder = mkdtempSync(join(tmpdir(), 'container-'));
  });
  afterEach(() => {
    engine.stop();
    rmSync(folder, { recursive: true });
  });

  const limits = { enabled: false, allowed: [], memoryMb: 1, processes: 9, fileMb: 2, openFiles: 99 };
  const owner = { claim_id: 'claim1', deployment: 'here' };
  const wanted = {
    image: 'tool:1',
    pull: 'missing' as const,
    network: 'none',
    cpus: 0.5,
    memory_mb: 100,
    cwd: '/tauro',
    task_id: 'task_1',
    binds: [
      { source: '/host/scratch', target: '/tauro', read_only: false },
      { source: '/host/a.parquet', target: '/tables/a.parquet', read_only: true },
    ],
  };

  interface Attempt {
    end: Promise<CommandEnd>;
    lines: string[];
    progress: number[];
    abort: AbortController;
    output: string;
    running: () => RunningCommand;
  }
  function start(
    container: Partial<typeof wanted> & { pull?: string } = {},
    client = engine.client,
  ): Attempt {
    const lines: string[] = [];
    const progress: number[] = [];
    const abort = new AbortController();
    const output = join(folder, 'out');
    writeFileSync(output, '');
    let running!: RunningCommand;
    const end = runContainer(
      client,
      {
        argv: ['sh', '-c', 'x'],
        cwd: '/host/scratch',
        env: { A: '1', B: 'x=y' },
        output,
        container: { ...wanted, ...container } as typeof wanted,
      },
      owner,
      limits,
      {
        log: (level, message) => lines.push(`${level} ${message}`),
        stream: (level, chunk) => lines.push(`${level} ${chunk}`),
        progress: (fraction) => progress.push(fraction),
        write: () => Promise.resolve(),
        signal: abort.signal,
      },
      (one) => (running = one),
    );
    end.catch(() => undefined);
    return { end, lines, progress, abort, output, running: () => running };
  }

  it('is made without a privilege, told where to look, listened to, and removed', async () => {
    let options!: Docker.ContainerCreateOptions;
    const one = start();
    engine.program = (container) => {
      ({ options } = container);
      container.print(1, 'hello\n');
      container.print(2, 'trouble \x1b[31m');
      container.print(2, 'again\n');
      appendFileSync(one.output, '{"type":"output","value":7}\n{"type":"progress","fraction":0.5}\n');
      container.exit(3);
    };
    expect(await one.end).toEqual({
      exit_code: 3,
      signal: null,
      stdout: 'hello',
      last_error: 'trouble again',
      value: 7,
    });
    expect(one.lines).toEqual(expect.arrayContaining(['INFO hello\n', 'WARNING trouble ']));
    expect(one.progress).toEqual([0.5]);
    expect(options).toMatchObject({
      Image: 'tool:1',
      Cmd: ['sh', '-c', 'x'],
      Env: ['A=1', 'B=x=y'],
      WorkingDir: '/tauro',
      User: `${process.getuid!()}:${process.getgid!()}`,
      NetworkDisabled: true,
      Labels: { [LABELS.claim]: 'claim1', [LABELS.task]: 'task_1', [LABELS.deployment]: 'here' },
      HostConfig: {
        Binds: ['/host/scratch:/tauro:rw', '/host/a.parquet:/tables/a.parquet:ro'],
        NetworkMode: 'none',
        Memory: 104_857_600,
        MemorySwap: 104_857_600,
        NanoCpus: 500_000_000,
        PidsLimit: 9,
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges'],
        Privileged: false,
        ReadonlyRootfs: true,
      },
    });
    expect(engine.containers.size).toBe(0);
    const order = engine.requests.map((request) => request.replace(/\?.*/, '').split('/').at(-1));
    expect(order.filter((verb) => ['create', 'attach', 'start', 'wait'].includes(verb!))).toEqual([
      ...['create', 'attach', 'start', 'wait'],
    ]);
  });

  it.each([
    ['missing', 'tool:1', false],
    ['missing', 'tool:2', true],
    ['always', 'tool:1', true],
    ['never', 'tool:1', false],
  ])('with pull %s and the image %s: fetched %s', async (pull, image, fetched) => {
    const one = start({ pull: pull as 'missing', image });
    expect(await one.end).toMatchObject({ exit_code: 0 });
    expect(engine.requests.some((request) => request.startsWith('POST /images/create'))).toBe(fetched);
    expect(one.lines.includes(`INFO fetching the image ${image}`)).toBe(fetched);
  });

  it('that outgrew its memory is told of', async () => {
    engine.program = (container) => {
      container.outOfMemory = true;
      container.exit(137);
    };
    expect(await start().end).toMatchObject({ exit_code: 137, outgrown: 'memory' });
  });

  it('is stopped by an abort, and removed', async () => {
    const started = new Promise<Container>((resolve) => (engine.program = resolve));
    const one = start();
    const container = await started;
    let heard = false;
    container.onStop = () => {
      heard = true;
      container.exit(143);
    };
    one.abort.abort(new Error('cancelled'));
    expect(await one.end).toMatchObject({ exit_code: 143 });
    expect(heard).toBe(true);
    expect(engine.requests.find((request) => request.includes('/stop'))).toContain('t=3');
    expect(engine.containers.size).toBe(0);
  });

  it('goes when the process beside it has to', async () => {
    const started = new Promise<Container>((resolve) => (engine.program = resolve));
    const one = start();
    await started;
    await one.running().kill();
    expect(engine.containers.size).toBe(0);
    await one.end.catch(() => undefined);
  });

  it('is found by its deployment, and removed by whoever finds it', async () => {
    engine.program = () => undefined;
    const one = start();
    while (![...engine.containers.values()].some(({ socket }) => socket)) await new Promise(setImmediate);
    expect(await containersOf(engine.client, 'elsewhere')).toEqual([]);
    const [found] = await containersOf(engine.client, 'here');
    expect(found).toEqual({ id: 'c1', task_id: 'task_1', claim_id: 'claim1' });
    await removeContainers(engine.client, ['c1', 'gone']);
    expect(engine.containers.size).toBe(0);
    await one.end.catch(() => undefined);
  });

  it.each<[string, [number, string], object]>([
    ['GET /images', [500, 'disk failure'], { name: 'ContainerEngine', retryable: true }],
    ['POST /images/create', [404, 'manifest unknown'], { name: 'ImageNotFound', retryable: true }],
    ['POST /containers/create', [400, 'bad option'], { name: 'CommandFailed', retryable: false }],
    ['POST /containers/c1/start', [400, 'sh: not found'], { name: 'CommandFailed', retryable: false }],
    ['POST /containers/c1/start', [500, 'no space left'], { name: 'ContainerEngine', retryable: true }],
  ])('fails in words when the engine refuses %s with %j', async (what, refusal, error) => {
    engine.refusals = { [what]: refusal };
    const one = start(what.startsWith('POST /images') ? { pull: 'always' as 'missing' } : {});
    await expect(one.end).rejects.toMatchObject({ ...error, message: expect.stringContaining(refusal[1]) });
    expect(engine.containers.size).toBe(0);
  });

  it('fails in words without an engine', async () => {
    const one = start({}, new Docker({ socketPath: join(folder, 'no.sock') }));
    await expect(one.end).rejects.toMatchObject({
      name: 'ContainerEngine',
      message: expect.stringContaining('cannot be reached (DOCKER_HOST)'),
    });
  });
});
