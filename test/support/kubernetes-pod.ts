import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type V1ContainerState, type V1Job, type V1Pod } from '@kubernetes/client-node';

/** What the cluster keeps of the end of a container. */
const MAX_MESSAGE_BYTES = 4096;

/**
 * A pod of the recorded cluster. Its shapes are those of a real one; its program is a real process of this machine, with
 * the variables, the arguments and the files that its Job describes, and no image.
 */
export class RecordedPod extends EventEmitter<{ change: []; line: [string]; ended: [] }> {
  readonly lines: string[] = [];
  over = false;
  private child?: ChildProcess;
  private readonly folder = mkdtempSync(join(tmpdir(), 'tauro-pod-'));
  private readonly message = join(this.folder, 'termination-log');

  constructor(
    readonly object: V1Pod,
    private readonly images: readonly string[],
  ) {
    super();
  }

  /** The pod that the cluster makes of a Job. */
  static of({ metadata, spec }: V1Job, uid: string): V1Pod {
    const { name, namespace, labels, uid: owner } = metadata!;
    const { template } = spec!;
    const tracked = { 'batch.kubernetes.io/controller-uid': owner!, 'batch.kubernetes.io/job-name': name! };
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: `${name!.slice(0, 57)}-${uid.slice(0, 5)}`,
        generateName: `${name}-`,
        namespace: namespace!,
        uid,
        creationTimestamp: new Date(),
        labels: { ...labels, ...template.metadata?.labels, ...tracked },
        annotations: template.metadata?.annotations ?? {},
        finalizers: ['batch.kubernetes.io/job-tracking'],
        ownerReferences: [
          {
            apiVersion: 'batch/v1',
            kind: 'Job',
            name: name!,
            uid: owner!,
            controller: true,
            blockOwnerDeletion: true,
          },
        ],
      },
      spec: template.spec!,
      status: { phase: 'Pending', qosClass: 'Guaranteed' },
    };
  }

  get running(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** What a node does with a pod that it was given. */
  start(): void {
    const { image } = this.container;
    const scheduled = { type: 'PodScheduled', status: 'True', lastTransitionTime: new Date() };
    this.object.status = { ...this.object.status, conditions: [scheduled], startTime: new Date() };
    this.state('Pending', { waiting: { reason: 'ContainerCreating' } });
    if (!this.images.includes(image!)) return this.pullFails(image!);
    this.run();
  }

  /** SIGTERM, and SIGKILL after the grace of its spec. */
  stop(): void {
    this.object.metadata!.deletionTimestamp ??= new Date();
    this.emit('change');
    if (!this.child) return this.end();
    this.signal('SIGTERM');
    const grace = this.object.spec!.terminationGracePeriodSeconds ?? 30;
    setTimeout(() => this.signal('SIGKILL'), grace * 1000).unref();
  }

  private pullFails(image: string): void {
    const message =
      `failed to pull and unpack image "${image}": failed to resolve reference "${image}": ` +
      `${image}: not found`;
    this.state('Pending', { waiting: { reason: 'ErrImagePull', message } });
    setTimeout(() => {
      const backOff = `Back-off pulling image "${image}": ErrImagePull: ${message}`;
      this.state('Pending', { waiting: { reason: 'ImagePullBackOff', message: backOff } });
    }, 100).unref();
  }

  private run(): void {
    const { args = [], env = [], workingDir = '/' } = this.container;
    writeFileSync(this.message, '');
    const input = this.object.metadata!.annotations!['tauro.input']!;
    const places = this.places(input);
    // As a node does: `$(NAME)` is a variable, two dollars are one, and mounted folders lie where they are mounted.
    const here = (text: string): string => {
      const found = Object.entries(places).find(
        ([inside]) => text === inside || text.startsWith(`${inside}/`),
      );
      return found ? found[1] + text.slice(found[0].length) : text;
    };
    const plain = (text: string): string => text.replaceAll('$$', '$');
    const variables = env.map(({ name, value = '' }) => [name, here(plain(value))] as const);
    const [program, ...rest] = args.map(plain);
    const child = spawn(program!, rest, {
      cwd: here(workingDir),
      env: { PATH: process.env.PATH, ...(Object.fromEntries(variables) as Record<string, string>) },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) this.print(stream);
    child.once('spawn', () => this.state('Running', { running: { startedAt: new Date() } }));
    child.once('error', (error) => this.terminated(128, 'StartError', error.message));
    child.once('close', (code, signal) => {
      if (this.over) return;
      const exitCode = code ?? 128 + (signal === 'SIGKILL' ? 9 : 15);
      const said = readFileSync(this.message).subarray(-MAX_MESSAGE_BYTES).toString();
      this.terminated(exitCode, exitCode === 0 ? 'Completed' : 'Error', said);
    });
  }

  private places(input: string): Record<string, string> {
    const home = join(this.folder, 'home');
    const etc = join(this.folder, 'etc');
    for (const folder of [home, etc]) mkdirSync(folder);
    const [{ path }] = this.object.spec!.volumes!.find(({ name }) => name === 'input')!.downwardAPI!.items!;
    writeFileSync(join(etc, path), input);
    const mounts = Object.fromEntries(
      this.container.volumeMounts!.map(({ name, mountPath }) => [name, mountPath]),
    );
    return {
      [mounts['home']!]: home,
      [mounts['input']!]: etc,
      [this.container.terminationMessagePath!]: this.message,
    };
  }

  /** Line by line, each with the time at which the engine of the node took it. */
  private print(stream: NodeJS.ReadableStream): void {
    let rest = '';
    stream.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop()!;
      for (const line of lines) this.take(`${line}\n`);
    });
    stream.once('end', () => rest !== '' && this.take(`${rest}\n`));
  }

  private take(line: string): void {
    // Nanoseconds without the zeros at their end, never twice the same.
    const fraction = `${new Date().toISOString().slice(20, 23)}${String(this.lines.length % 1e6).padStart(6, '0')}`;
    const seconds = new Date().toISOString().slice(0, 19);
    const told = `${seconds}.${fraction}`.replace(/0+$/, '').replace(/\.$/, '');
    const entry = `${told}Z ${line}`;
    this.lines.push(entry);
    this.emit('line', entry);
  }

  private terminated(exitCode: number, reason: string, message: string): void {
    const { running } = this.object.status?.containerStatuses?.[0]?.state ?? {};
    const startedAt = running?.startedAt ?? new Date();
    const terminated = { exitCode, reason, message, startedAt, finishedAt: new Date() };
    this.state(exitCode === 0 ? 'Succeeded' : 'Failed', { terminated });
    this.end();
  }

  private end(): void {
    this.over = true;
    this.emit('ended');
    rmSync(this.folder, { recursive: true, force: true });
  }

  private state(phase: string, state: V1ContainerState): void {
    const { name, image } = this.container;
    const ready = state.running !== undefined;
    this.object.status = {
      ...this.object.status,
      phase,
      containerStatuses: [
        {
          name,
          image: image!,
          imageID: ready ? `sha256:${'0'.repeat(64)}` : '',
          ready,
          restartCount: 0,
          state,
        },
      ],
    };
    this.emit('change');
  }

  private signal(name: NodeJS.Signals): void {
    try {
      process.kill(-this.child!.pid!, name);
    } catch {
      // It has ended.
    }
  }

  private get container() {
    return this.object.spec!.containers[0]!;
  }
}
