import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { NodeError, type NodeContext } from '../node-kind.js';
import { httpNode } from './http.node.js';

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;
const servers: Server[] = [];

/** A server on loopback whose answer each test decides. */
async function serve(answer: Answer): Promise<string> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => answer(request, response, Buffer.concat(chunks).toString()));
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

interface Output {
  status: number;
  headers: Record<string, string>;
  body: unknown;
}
interface Setting {
  allowPrivate?: boolean;
  signal?: AbortSignal;
  traceparent?: string;
}
async function run(
  config: object,
  { allowPrivate = true, signal = new AbortController().signal, traceparent }: Setting = {},
) {
  const settings = { egressAllowPrivate: allowPrivate };
  const context = { config, settings, signal, traceparent, log: () => undefined } as unknown as NodeContext;
  return (await httpNode.execute(context)).output as unknown as Output;
}
async function failure(config: object, setting?: Setting): Promise<NodeError> {
  const error: unknown = await run(config, setting).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(NodeError);
  return error as NodeError;
}

describe('a call and its answer', () => {
  it('hands on the trace it belongs to, unless its headers name another', async () => {
    const seen: unknown[] = [];
    const url = await serve((request, response) => {
      seen.push(request.headers.traceparent);
      response.end();
    });
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    await run({ url }, { traceparent });
    await run({ url, headers: { traceparent: 'of my own' } }, { traceparent });
    await run({ url });
    expect(seen).toEqual([traceparent, 'of my own', undefined]);
  });

  it('parses a JSON body and keeps status and headers, but no cookies', async () => {
    const url = await serve((_, response) => {
      response.setHeader('set-cookie', 'session=secret');
      response.setHeader('content-type', 'application/problem+json; charset=utf-8');
      response.end('{"ok": [1, "ä"]}');
    });
    const output = await run({ url });
    expect(output).toMatchObject({ status: 200, body: { ok: [1, 'ä'] } });
    expect(output.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(output.headers).not.toHaveProperty('set-cookie');
  });

  it.each([
    ['text/plain', 'hello', 'hello'],
    ['application/json', '{broken', '{broken'],
    ['application/json', '', null],
    ['text/plain; charset=latin1', Buffer.from([0xe4]), 'ä'],
    ['text/plain; charset=nonsense', 'x', 'x'],
  ])('a body of %s %j becomes %j', async (type, sent, body) => {
    const url = await serve((_, response) => response.setHeader('content-type', type).end(sent));
    expect((await run({ url })).body).toBe(body);
  });

  it('sends method, headers, query and body as the config says', async () => {
    const url = await serve((request, response, body) => {
      const { method, url: path, headers } = request;
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({
          method,
          path,
          body,
          type: headers['content-type'],
          token: headers['x-token'],
          auth: headers.authorization,
        }),
      );
    });
    const withUser = url.replace('http://', 'http://me:p%40ss@');
    const config = {
      url: `${withUser}/a?b=1`,
      body: { x: 1 },
      headers: { 'X-Token': 7 },
      query: { c: ['d&', 2], e: null },
    };
    expect((await run(config)).body).toEqual({
      method: 'POST',
      path: '/a?b=1&c=d%26&c=2',
      body: '{"x":1}',
      type: 'application/json',
      token: '7',
      auth: `Basic ${Buffer.from('me:p@ss').toString('base64')}`,
    });
    expect(
      (await run({ url, method: 'PUT', body: 'raw', headers: { 'content-type': 'text/csv' } })).body,
    ).toMatchObject({
      method: 'PUT',
      body: 'raw',
      type: 'text/csv',
    });
  });

  it('bounds what it reads and what it keeps', async () => {
    const url = await serve((request, response) =>
      response.end('x'.repeat(request.url === '/huge' ? 3_000_000 : 70_000)),
    );
    expect(await failure({ url: `${url}/huge` })).toMatchObject({
      type: 'ResponseTooLarge',
      retryable: false,
    });
    const tooLarge = await failure({ url });
    expect(tooLarge).toMatchObject({ type: 'OutputTooLarge', retryable: false });
    expect(tooLarge.message).toMatch(/output of 70\d{3} bytes, at most 65536/);
  });
});

describe('statuses', () => {
  it.each([
    [400, false],
    [404, false],
    [408, true],
    [425, true],
    [429, true],
    [500, true],
    [503, true],
  ])('%i fails, worth another try: %s', async (status, retryable) => {
    const url = await serve((_, response) =>
      response.writeHead(status, { 'retry-after': '30' }).end('it\nbroke'),
    );
    const error = await failure({ url: `${url.replace('//', '//user:hunter2@')}/p?token=s3cret` });
    expect(error).toMatchObject({ type: 'HttpStatus', retryable });
    expect(error.message).toContain(`GET ${url}/p?… answered ${status} (`);
    expect(error.message).toContain('it broke');
    expect(error.message.includes('Retry-After: 30')).toBe(status === 429 || status === 503);
    expect(error.message).not.toMatch(/hunter2|s3cret/);
  });

  it('expected_status replaces the rule of 2xx', async () => {
    const url = await serve((_, response) => response.writeHead(404).end());
    expect((await run({ url, expected_status: 404 })).status).toBe(404);
    expect((await run({ url, expected_status: [200, 404] })).status).toBe(404);
    expect((await failure({ url, expected_status: [200] })).message).toContain('answered 404');
  });
});

describe('redirects', () => {
  it('are followed for GET, without the headers when the origin changes', async () => {
    const seen: unknown[] = [];
    const other = await serve((request, response) => {
      seen.push(request.headers['authorization']);
      response.end('arrived');
    });
    const url = await serve((request, response) => {
      const next = request.url === '/start' ? '/second' : `${other}/end`;
      seen.push(request.headers['authorization']);
      response.writeHead(302, { location: next }).end();
    });
    expect((await run({ url: `${url}/start`, headers: { Authorization: 'Bearer x' } })).body).toBe('arrived');
    expect(seen).toEqual(['Bearer x', 'Bearer x', undefined]);
  });

  it('of other methods are answers', async () => {
    const url = await serve((_, response) => response.writeHead(307, { location: '/x' }).end());
    expect((await failure({ url, method: 'POST' })).message).toContain('a redirect that is not followed');
    expect((await run({ url, method: 'POST', expected_status: 307 })).status).toBe(307);
  });

  it('end after five', async () => {
    const url = await serve((_, response) => response.writeHead(302, { location: '/again' }).end());
    expect((await failure({ url })).type).toBe('TooManyRedirects');
  });

  it('cannot lead to a metadata service or another scheme', async () => {
    const targets = [
      'http://169.254.169.254/latest',
      'http://metadata.google.internal/',
      'file:///etc/passwd',
    ];
    for (const location of targets) {
      const url = await serve((_, response) => response.writeHead(302, { location }).end());
      expect(await failure({ url })).toMatchObject({ type: 'EgressDenied', retryable: false });
    }
  });
});

describe('the egress rule', () => {
  it('refuses loopback, by address and by name, unless private targets are allowed', async () => {
    let calls = 0;
    const url = await serve((_, response) => (calls++, response.end('ok')));
    for (const host of ['127.0.0.1', 'localhost', '2130706433', '0x7f000001', '[::ffff:127.0.0.1]']) {
      const error = await failure({ url: url.replace('127.0.0.1', host) }, { allowPrivate: false });
      expect(error).toMatchObject({ type: 'EgressDenied', retryable: false });
      expect(error.message).toContain('EGRESS_ALLOW_PRIVATE');
    }
    expect(calls).toBe(0);
    expect((await run({ url: url.replace('127.0.0.1', '2130706433') })).body).toBe('ok');
  });

  it.each(['http://169.254.169.254/', 'http://[fd00:ec2::254]/', 'http://100.100.100.200/'])(
    'refuses %s always, also at create',
    async (url) => {
      expect((await failure({ url })).message).toContain('cloud metadata');
      const faults = await httpNode.check!({ id: 'n', type: 'http', config: { url } }, []);
      expect(faults).toEqual([expect.objectContaining({ field: 'config.url' })]);
    },
  );
});

describe('what goes wrong on the way', () => {
  it('names who refused the connection', async () => {
    const url = await serve((_, response) => response.end());
    await new Promise((closed) => servers.pop()!.close(closed));
    const error = await failure({ url });
    expect(error).toMatchObject({ type: 'HttpConnection', retryable: true });
    expect(error.message).toBe(`GET ${url}/: connection refused by ${new URL(url).host}`);
  });

  it('names a server that is none', async () => {
    const tcp = createTcpServer((socket) => socket.end('SSH-2.0-no\r\n')).listen(0, '127.0.0.1');
    await once(tcp, 'listening');
    const { port } = tcp.address() as AddressInfo;
    expect((await failure({ url: `http://127.0.0.1:${port}` })).message).toContain('does not speak HTTP');
    tcp.close();
  });

  it('ends at its time limit and says so', async () => {
    const url = await serve((_, response) => response.write('the start of an answer'));
    const error = await failure({ url, timeout_seconds: 0.05 });
    expect(error).toMatchObject({ type: 'HttpTimeout', retryable: true });
    expect(error.message).toBe(`GET ${url}/ did not answer within 0.05 s`);
  });

  it('ends with the reason of the signal when it is aborted', async () => {
    const cancel = new AbortController();
    const reason = new Error('the run was cancelled');
    const url = await serve(() => cancel.abort(reason));
    await expect(run({ url }, { signal: cancel.signal })).rejects.toBe(reason);
    await expect(run({ url }, { signal: cancel.signal })).rejects.toBe(reason);
  });

  it('refuses what cannot be sent', async () => {
    const url = await serve((_, response) => response.end());
    const bad = [
      { url: 'nonsense' },
      { url: 7 },
      { url, headers: { 'x-a': 'b\r\nc: d' } },
      { url, headers: { 'b ad': '1' } },
    ];
    for (const config of bad) {
      expect(await failure(config)).toMatchObject({ type: 'InvalidConfig', retryable: false });
    }
  });
});
