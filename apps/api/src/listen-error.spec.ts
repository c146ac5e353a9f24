import { once } from 'node:events';
import { createServer } from 'node:net';
import { ListenError } from './listen-error.js';

/** What somebody reads who wants to listen there. */
async function told(HOST: string, PORT: number): Promise<string> {
  const server = createServer().listen(PORT, HOST);
  const [error] = await once(server, 'error');
  return new ListenError({ HOST, PORT }, error as NodeJS.ErrnoException).message;
}

describe('an address that cannot be listened on', () => {
  it('is named with the variable that changes it', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    expect(await told('127.0.0.1', port)).toContain(`PORT: 127.0.0.1:${port} is already in use`);
    other.close();
    // An address for documentation, which no machine has.
    expect(await told('192.0.2.1', 0)).toBe(
      'HOST: 192.0.2.1 is no address of this machine; for example HOST=127.0.0.1',
    );
  });
});
