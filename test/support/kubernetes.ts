import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type V1Job } from '@kubernetes/client-node';
import { RecordedPod } from './kubernetes-pod.js';

const TOKEN = 'token-that-nobody-may-see';
const USER = 'system:serviceaccount:etl:tauro';

/** A refusal as the API server writes it. */
const status = (code: number, reason: string, message: string): object => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message,
  reason,
  code,
});

/**
 * The part of the Kubernetes API that is used, as its documentation and the types of its client have it: Jobs, pods with
 * watches, and logs. It is no cluster: nothing is scheduled, no image is fetched, no limit is kept.
 */
export class RecordedKubernetes {
  /** Every request, as `POST /apis/...`. */
  readonly requests: string[] = [];
  /** Every Job that was ever made, as it was posted. */
  readonly posted: V1Job[] = [];
  readonly jobs = new Map<string, V1Job>();
  readonly pods = new Map<string, RecordedPod>();
  /** Most pods of one Job name whose programs ran at the same time. */
  mostAtOnce = 0;
  images = ['tool:1'];
  /** What the user of the token may not do: `create jobs`, `watch pods`. */
  forbidden: string[] = [];
  /** Whether the token is one it knows. */
  knowsToken = true;
  private version = 1000;
  private readonly folder = mkdtempSync(join(tmpdir(), 'tauro-kubernetes-'));
  private readonly watches = new Map<ServerResponse, URLSearchParams>();
  private readonly logs = new Set<ServerResponse>();
  private readonly server: Server = createServer((request, response) => void this.answer(request, response));

  static async start(): Promise<RecordedKubernetes> {
    const cluster = new RecordedKubernetes();
    await new Promise<void>((done) => cluster.server.listen(0, '127.0.0.1', done));
    writeFileSync(cluster.kubeconfig, cluster.config());
    return cluster;
  }

  get kubeconfig(): string {
    return join(this.folder, 'config');
  }

  /** What must be seen nowhere. */
  get token(): string {
    return TOKEN;
  }

  /** The only Job; undefined when there is none. */
  get job(): V1Job | undefined {
    return [...this.jobs.values()].at(-1);
  }

  get running(): RecordedPod[] {
    return [...this.pods.values()].filter(({ running }) => running);
  }

  /** Breaks the streams of logs, as something between does after a while. */
  cutLogs(): void {
    for (const response of this.logs) response.destroy();
  }

  /** Nobody answers any more, until `back`. */
  async away(): Promise<() => Promise<void>> {
    const { port } = this.server.address() as AddressInfo;
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
    return () => new Promise<void>((done) => this.server.listen(port, '127.0.0.1', done));
  }

  /** A Job like those of a worker that went away. */
  abandon(labels: Record<string, string>): void {
    const metadata = { name: 'tauro-abandoned', namespace: 'batch', uid: randomUUID(), labels };
    this.jobs.set('batch/tauro-abandoned', { apiVersion: 'batch/v1', kind: 'Job', metadata });
  }

  stop(): void {
    for (const pod of this.pods.values()) pod.stop();
    this.server.closeAllConnections();
    this.server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private config(): string {
    const { port } = this.server.address() as AddressInfo;
    const named = (name: string, what: object): object => ({ name, ...what });
    return JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        named('recorded', {
          cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true },
        }),
      ],
      users: [named('tauro', { user: { token: TOKEN } })],
      contexts: [named('recorded', { context: { cluster: 'recorded', user: 'tauro' } })],
      'current-context': 'recorded',
    });
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url!, 'http://cluster');
    this.requests.push(`${request.method} ${pathname}`);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const send = (code: number, body: object): void => {
      response.writeHead(code, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    if (!this.knowsToken || request.headers.authorization !== `Bearer ${TOKEN}`) {
      return send(401, status(401, 'Unauthorized', 'Unauthorized'));
    }
    const [, namespace = '', kind = '', name, part] =
      /^\/(?:api\/v1|apis\/batch\/v1)\/namespaces\/([^/]+)\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(
        pathname,
      ) ?? [];
    const verb = { POST: 'create', DELETE: 'delete' }[request.method!] ?? (name ? 'get' : 'list');
    const what = searchParams.has('watch')
      ? `watch ${kind}`
      : `${verb} ${part === 'log' ? 'pods/log' : kind}`;
    if (this.forbidden.includes(what)) {
      const [done, of] = what.split(' ');
      const group = kind === 'jobs' ? 'jobs.batch' : of;
      const api = kind === 'jobs' ? 'batch' : '';
      const message = `${group} is forbidden: User "${USER}" cannot ${done} resource "${of}" in API group "${api}" in the namespace "${namespace}"`;
      return send(403, status(403, 'Forbidden', message));
    }
    if (kind === 'jobs') return this.answerJobs({ verb, namespace, name, text, searchParams, send });
    if (part === 'log') return this.answerLog(`${namespace}/${name}`, searchParams, response);
    if (searchParams.has('watch')) return this.watch(searchParams, response);
    if (kind === 'pods')
      return send(
        200,
        this.list(
          'PodList',
          [...this.pods.values()].map(({ object }) => object).filter(within(namespace)),
          searchParams,
        ),
      );
    send(404, status(404, 'NotFound', 'the server could not find the requested resource'));
  }

  private answerJobs({ verb, namespace, name, text, searchParams, send }: JobRequest): void {
    if (verb === 'list')
      return send(200, this.list('JobList', [...this.jobs.values()].filter(within(namespace)), searchParams));
    if (verb === 'create') return this.create(namespace, JSON.parse(text) as V1Job, send);
    const job = this.jobs.get(`${namespace}/${name}`);
    if (!job) return send(404, status(404, 'NotFound', `jobs.batch "${name}" not found`));
    if (verb === 'get') return send(200, job);
    const { preconditions } = (text ? JSON.parse(text) : {}) as { preconditions?: { uid?: string } };
    if (preconditions?.uid && preconditions.uid !== job.metadata!.uid) {
      const message = `Operation cannot be fulfilled on jobs.batch "${name}": Precondition failed: UID in precondition: ${preconditions.uid}, UID in object meta: ${job.metadata!.uid}`;
      return send(409, status(409, 'Conflict', message));
    }
    job.metadata!.deletionTimestamp ??= new Date();
    job.metadata!.finalizers = ['foregroundDeletion'];
    send(200, job);
    this.collect(job);
  }

  private create(namespace: string, posted: V1Job, send: JobRequest['send']): void {
    const { name } = posted.metadata!;
    const key = `${namespace}/${name}`;
    if (this.jobs.has(key)) {
      return send(409, status(409, 'AlreadyExists', `jobs.batch "${name}" already exists`));
    }
    const job: V1Job = {
      ...posted,
      metadata: {
        ...posted.metadata,
        namespace,
        uid: randomUUID(),
        generation: 1,
        resourceVersion: String(++this.version),
        creationTimestamp: new Date(),
      },
      status: {},
    };
    this.posted.push(posted);
    this.jobs.set(key, job);
    send(201, job);
    setTimeout(() => this.makePod(job), 20).unref();
  }

  private makePod(job: V1Job): void {
    if (job.metadata!.deletionTimestamp) return;
    const pod = new RecordedPod(RecordedPod.of(job, randomUUID()), this.images);
    const key = `${job.metadata!.namespace}/${pod.object.metadata!.name}`;
    pod.object.metadata!.resourceVersion = String(++this.version);
    this.pods.set(key, pod);
    this.tell('ADDED', pod);
    pod.on('change', () => {
      pod.object.metadata!.resourceVersion = String(++this.version);
      const same = this.running.filter(
        ({ object }) => object.metadata!.generateName === pod.object.metadata!.generateName,
      );
      this.mostAtOnce = Math.max(this.mostAtOnce, same.length);
      this.tell('MODIFIED', pod);
    });
    pod.once('ended', () => this.collect(job));
    pod.start();
  }

  /** As the garbage collector: the pods of a Job that is being deleted first, then the Job. */
  private collect(job: V1Job): void {
    if (!job.metadata!.deletionTimestamp) return;
    const own = [...this.pods].filter(
      ([, { object }]) => object.metadata!.ownerReferences![0]!.uid === job.metadata!.uid,
    );
    for (const [key, pod] of own) {
      if (pod.over) {
        this.pods.delete(key);
        this.tell('DELETED', pod);
      } else if (!pod.object.metadata!.deletionTimestamp) pod.stop();
    }
    const left = own.some(([key]) => this.pods.has(key));
    if (!left) this.jobs.delete(`${job.metadata!.namespace}/${job.metadata!.name}`);
  }

  private list(kind: string, items: { metadata?: Labelled }[], query: URLSearchParams): object {
    const apiVersion = kind === 'JobList' ? 'batch/v1' : 'v1';
    const metadata = { resourceVersion: String(this.version) };
    return { kind, apiVersion, metadata, items: items.filter((item) => selected(item, query)) };
  }

  private watch(query: URLSearchParams, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    this.watches.set(response, query);
    const timer = setTimeout(() => response.end(), Number(query.get('timeoutSeconds') ?? 60) * 1000);
    response.once('close', () => {
      clearTimeout(timer);
      this.watches.delete(response);
    });
    // What has happened since the list that it goes on from.
    for (const pod of this.pods.values()) {
      const newer = Number(pod.object.metadata!.resourceVersion) > Number(query.get('resourceVersion'));
      if (newer && selected(pod.object, query)) {
        response.write(`${JSON.stringify({ type: 'MODIFIED', object: pod.object })}\n`);
      }
    }
  }

  private tell(type: 'ADDED' | 'MODIFIED' | 'DELETED', { object }: RecordedPod): void {
    for (const [response, query] of this.watches) {
      if (selected(object, query)) response.write(`${JSON.stringify({ type, object })}\n`);
    }
  }

  private answerLog(key: string, query: URLSearchParams, response: ServerResponse): void {
    const pod = this.pods.get(key);
    if (!pod) {
      response.writeHead(404, { 'content-type': 'application/json' });
      return void response.end(JSON.stringify(status(404, 'NotFound', `pods "${key}" not found`)));
    }
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.flushHeaders();
    // By the second, as the API says.
    const since = query.get('sinceTime')?.slice(0, 19) ?? '';
    for (const line of pod.lines) if (line.slice(0, 19) >= since) response.write(line);
    if (pod.over || query.get('follow') !== 'true') return void response.end();
    const write = (line: string): void => void response.write(line);
    const end = (): void => void response.end();
    this.logs.add(response);
    pod.on('line', write).once('ended', end);
    response.once('close', () => {
      pod.off('line', write).off('ended', end);
      this.logs.delete(response);
    });
  }
}

interface JobRequest {
  verb: string;
  namespace: string;
  name?: string;
  text: string;
  searchParams: URLSearchParams;
  send(code: number, body: object): void;
}

interface Labelled {
  namespace?: string;
  labels?: Record<string, string>;
}

const within =
  (namespace: string) =>
  ({ metadata }: { metadata?: Labelled }): boolean =>
    metadata?.namespace === namespace;

const selected = ({ metadata }: { metadata?: Labelled }, query: URLSearchParams): boolean =>
  (query.get('labelSelector') ?? '')
    .split(',')
    .filter(Boolean)
    .every((term) => {
      const [label, value] = term.split('=') as [string, string];
      return metadata?.labels?.[label] === value;
    });
