import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { postJson } from './post.js';

const OPTIONS = { allowPrivate: true, timeoutSeconds: 0.5 };

describe('a webhook is called', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  async function serve(listener: RequestListener): Promise<string> {
    server = createServer(listener).listen(0, '127.0.0.1');
    await new Promise((done) => server!.once('listening', done));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?token=hidden`;
  }

  it('with the body and the headers as they are', async () => {
    let seen: unknown;
    const url = await serve((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        seen = [request.method, request.url, request.headers['x-own'], request.headers['content-type'], body];
        response.writeHead(204).end();
      });
    });
    // The first call loads the HTTP client, which may take longer than calls may.
    await postJson(url, '{"ü":1}', { 'x-own': 'yes' }, { ...OPTIONS, timeoutSeconds: 30 });
    expect(seen).toEqual(['POST', '/hook?token=hidden', 'yes', 'application/json', '{"ü":1}']);
  });

  it('and its answer counts by the status, however long the body', async () => {
    const endless: RequestListener = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.write('x');
    };
    await postJson(await serve(endless), '{}', {}, OPTIONS);
  });

  it('and of an endless refusal no more than a beginning is read', async () => {
    let sent = 0;
    const url = await serve((_request, response) => {
      response.writeHead(500, { 'content-type': 'text/plain' });
      const pour = (): void => {
        while (!response.destroyed && response.write('no '.repeat(1000))) sent += 3000;
        if (!response.destroyed) response.once('drain', pour);
      };
      pour();
    });
    const refused = postJson(url, '{}', {}, { ...OPTIONS, timeoutSeconds: 10 });
    await expect(refused).rejects.toMatchObject({ type: 'HttpStatus', retryable: true });
    expect(sent).toBeLessThan(50_000_000);
  });

  it.each([
    [301, true],
    [400, true],
    [401, true],
    [404, true],
    [410, false],
    [429, true],
    [500, true],
  ])('and when it answers %i, another attempt is worth it: %s', async (status, retryable) => {
    const url = await serve((_request, response) =>
      response.writeHead(status, { location: 'http://127.0.0.1:9/' }).end('because'),
    );
    const refused = postJson(url, '{}', {}, OPTIONS);
    await expect(refused).rejects.toMatchObject({ type: 'HttpStatus', retryable });
    await expect(refused).rejects.toThrow(/^POST http:\/\/127.0.0.1:\d+\/hook\?… answered \d+ \(because\)$/);
  });

  it('and given up when it does not answer in time', async () => {
    const slow = postJson(await serve(() => undefined), '{}', {}, OPTIONS);
    await expect(slow).rejects.toMatchObject({ type: 'HttpTimeout', retryable: true });
  });

  it.each([
    'http://127.0.0.1:9/',
    'http://localhost:9/',
    'http://[::ffff:127.0.0.1]:9/',
    'http://169.254.169.254/',
  ])('never at %s, unless the egress rule allows it', async (url) => {
    const denied = postJson(url, '{}', {}, { ...OPTIONS, allowPrivate: false });
    await expect(denied).rejects.toMatchObject({ type: 'EgressDenied', retryable: false });
  });
});
