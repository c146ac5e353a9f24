import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { ROOT } from './server-process.js';
import { Tauro } from './tauro.js';

/** As `npm start` has them: handler files that declare pipelines are among them. */
const PIPELINES_PATH = ['examples/pipelines', 'examples/handlers'].map((path) => join(ROOT, path)).join(',');

/** Holds the Tauro of `CommonTauro`, for as long as the test run lasts. */
export class CommonTauroServer {
  private tauro?: Promise<Tauro>;
  private readonly server: Server;

  constructor() {
    this.server = createServer((request, response) => {
      const answer = request.url === '/join' ? this.join() : this.logs();
      answer.then(
        (text) => response.end(text),
        (error: Error) => response.writeHead(500).end(error.stack),
      );
    });
  }

  /** @returns where it is asked for. */
  async listen(): Promise<string> {
    await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    const tauro = await this.tauro?.catch(() => undefined);
    await tauro?.stop();
  }

  private async join(): Promise<string> {
    this.tauro ??= Tauro.start({ env: { PIPELINES_PATH } });
    const { url, files, env } = await this.tauro;
    return JSON.stringify({ url, files, env });
  }

  private async logs(): Promise<string> {
    return (await this.tauro)?.logs() ?? '';
  }
}
