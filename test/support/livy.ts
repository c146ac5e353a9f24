import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';

/** What somebody has submitted, and how far it is: tests decide that. */
export class LivyBatch {
  state = 'starting';
  appId: string | null = null;
  readonly stdout: string[] = [];
  readonly stderr: string[] = [];

  constructor(
    readonly id: number,
    readonly request: Record<string, unknown> & { name?: string },
  ) {}

  /** The cluster has taken it. */
  run(): void {
    this.state = 'running';
    this.appId = `application_1700000000000_${String(this.id).padStart(4, '0')}`;
  }

  get view(): object {
    const { id, state, appId, request } = this;
    const sparkUiUrl = appId && `http://yarn.example.com:8088/proxy/${appId}/`;
    const appInfo = { driverLogUrl: null, sparkUiUrl };
    const { name = null, proxyUser = null } = request;
    return { id, name, owner: 'etl', proxyUser, state, appId, appInfo, log: this.log.slice(-10) };
  }

  get log(): string[] {
    return ['stdout: ', ...this.stdout, '\nstderr: ', ...this.stderr];
  }
}

/**
 * The part of the REST API of Apache Livy that is about batches, as its server has it: names that are there once, statuses
 * and messages. It has no Spark.
 */
export class LivyServer {
  readonly batches = new Map<number, LivyBatch>();
  /** All that were ever submitted. */
  readonly submitted: LivyBatch[] = [];
  readonly removed: number[] = [];
  /** Does what it is asked, but nobody hears of it: the connection breaks before the answer. */
  dropsNext = false;
  /** What it says instead of taking a batch. */
  refuses?: [status: number, msg: string];
  readonly password = 'pw/livy-83';
  private readonly server: Server = createServer((request, response) => void this.answer(request, response));
  private port = 0;

  static async start(): Promise<LivyServer> {
    const livy = new LivyServer();
    await livy.listen();
    return livy;
  }

  /** The `config` and the `secret` of a connection to it. */
  get connection(): { config: object; secret: object } {
    const config = { url: `http://127.0.0.1:${this.port}/`, auth: 'basic', user: 'etl' };
    return { config, secret: { password: this.password } };
  }

  get last(): LivyBatch | undefined {
    return this.submitted.at(-1);
  }

  async away(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }

  /** Where it was before. */
  async listen(): Promise<void> {
    await new Promise<void>((done) => this.server.listen(this.port, '127.0.0.1', done));
    ({ port: this.port } = this.server.address() as AddressInfo);
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url!, 'http://livy');
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const send = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    if (pathname === '/version')
      return send(200, { version: '0.8.0-incubating', user: 'builder', branch: 'HEAD' });
    const expected = `Basic ${Buffer.from(`etl:${this.password}`).toString('base64')}`;
    if (request.headers.authorization !== expected) {
      response.writeHead(401, { 'content-type': 'text/html', 'www-authenticate': 'Basic realm="livy"' });
      return void response.end('<html>Authentication required</html>');
    }
    if (request.method !== 'GET' && !request.headers['x-requested-by']) {
      return send(400, { msg: 'Missing Required Header for CSRF protection.' });
    }
    const [, id, part] = /^\/batches(?:\/(\d+))?(?:\/(\w+))?$/.exec(pathname) ?? [];
    if (request.method === 'POST')
      return this.create(JSON.parse(Buffer.concat(chunks).toString()), response, send);
    if (id === undefined) {
      const from = Number(searchParams.get('from') ?? 0);
      const sessions = [...this.batches.values()].slice(from, from + Number(searchParams.get('size') ?? 100));
      return send(200, { from, total: this.batches.size, sessions: sessions.map(({ view }) => view) });
    }
    const batch = this.batches.get(Number(id));
    if (!batch) return send(404, { msg: `Session '${id}' not found.` });
    if (request.method === 'DELETE') {
      batch.state = 'killed';
      this.removed.push(batch.id);
      this.batches.delete(batch.id);
      return send(200, { msg: 'deleted' });
    }
    if (part === 'log') {
      const { log } = batch;
      const from = Number(searchParams.get('from') ?? -1);
      return send(200, { id: batch.id, from, total: log.length, log: log.slice(from) });
    }
    return send(200, part === 'state' ? { id: batch.id, state: batch.state } : batch.view);
  }

  private create(
    body: LivyBatch['request'],
    response: ServerResponse,
    send: (status: number, body: object) => void,
  ): void {
    if (this.refuses) return send(this.refuses[0], { msg: this.refuses[1] });
    if ([...this.batches.values()].some(({ request }) => request.name === body.name)) {
      return send(400, { msg: `Duplicate session name: Some(${body.name})` });
    }
    const batch = new LivyBatch(this.submitted.length, body);
    this.submitted.push(batch);
    this.batches.set(batch.id, batch);
    if (this.dropsNext) {
      this.dropsNext = false;
      return void response.destroy();
    }
    send(201, batch.view);
  }
}
