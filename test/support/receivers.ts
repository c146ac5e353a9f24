import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

/** One call that a receiver got. */
export interface Call {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A real HTTP server that keeps every call, and answers with the status it is told to. */
export class WebhookReceiver {
  readonly calls: Call[] = [];
  /** Most calls that waited for an answer at the same time. */
  mostAtOnce = 0;
  private waiting = 0;
  /** What to answer, by the number of the call; a function may keep it waiting. */
  answer: (call: Call, count: number) => number | Promise<number> = () => 200;

  private constructor(private readonly server: Server) {}

  static async start(): Promise<WebhookReceiver> {
    const server = createServer();
    const receiver = new WebhookReceiver(server);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString('utf8');
        const call = { path: request.url ?? '', headers: request.headers, body };
        receiver.calls.push(call);
        receiver.mostAtOnce = Math.max(receiver.mostAtOnce, ++receiver.waiting);
        response.once('close', () => receiver.waiting--);
        void Promise.resolve(receiver.answer(call, receiver.calls.length)).then((status) => {
          if (status >= 300 && status < 400) response.setHeader('location', `${receiver.url}/elsewhere`);
          response.writeHead(status).end('as told');
        });
      });
    });
    server.listen(0, '127.0.0.1');
    await new Promise((done) => server.once('listening', done));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Calls about this run. */
  about(runId: string): Call[] {
    return this.calls.filter(({ body }) => body.includes(runId));
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }
}

/** One message that the mail server took. */
export interface Mail {
  from: string;
  to: string[];
  user: string;
  /** Headers and text, as they came. */
  source: string;
}

/** A real SMTP server that wants a login and keeps every message. */
export class MailServer {
  static readonly USER = 'tauro';
  static readonly PASSWORD = 'mail-password-of-this-test';
  readonly mails: Mail[] = [];
  /** Addresses it refuses for good. */
  readonly unknown = new Set<string>();
  private readonly server: SMTPServer;

  private constructor() {
    const refusal = (message: string, responseCode: number): Error =>
      Object.assign(new Error(message), { responseCode });
    this.server = new SMTPServer({
      allowInsecureAuth: true,
      disabledCommands: ['STARTTLS'],
      onAuth: ({ username = '', password }, _session, done) =>
        username === MailServer.USER && password === MailServer.PASSWORD
          ? done(null, { user: username })
          : done(refusal('wrong login', 535)),
      onRcptTo: ({ address }, _session, done) =>
        this.unknown.has(address) ? done(refusal('no such user', 550)) : done(),
      onData: (stream, { envelope, user }, done) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => {
          const from = envelope.mailFrom ? envelope.mailFrom.address : '';
          const to = envelope.rcptTo.map(({ address }) => address);
          this.mails.push({ from, to, user: String(user), source: Buffer.concat(chunks).toString('utf8') });
          done();
        });
      },
    });
  }

  static async start(): Promise<MailServer> {
    const mail = new MailServer();
    await new Promise<void>((done) => mail.server.listen(0, '127.0.0.1', done));
    return mail;
  }

  get url(): string {
    const { port } = this.server.server.address() as AddressInfo;
    return `smtp://${MailServer.USER}:${MailServer.PASSWORD}@127.0.0.1:${port}`;
  }

  async stop(): Promise<void> {
    await new Promise<void>((done) => this.server.close(done));
  }
}
