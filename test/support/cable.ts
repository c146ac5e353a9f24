import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP line to a store that can be pulled and plugged in again, so that an outage needs nobody's store to die. */
export class Cable {
  private readonly sockets = new Set<Socket>();
  private cut = false;

  private constructor(
    private readonly server: Server,
    /** The store's address with this line in between. */
    readonly url: string,
  ) {}

  static async to(storeUrl: string): Promise<Cable> {
    const target = new URL(storeUrl);
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const url = new URL(storeUrl);
    url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    // Else the driver would ask the replica set for its members and go around the line.
    if (url.protocol === 'mongodb:') url.searchParams.set('directConnection', 'true');
    const cable = new Cable(server, url.href);
    server.on('connection', (near) => cable.join(near, target.hostname, Number(target.port)));
    return cable;
  }

  pull(): void {
    this.cut = true;
    for (const socket of this.sockets) socket.destroy();
  }

  /** What is connected hears nothing any more and is not told, as when a firewall forgets it; new connections work. */
  stall(): void {
    for (const socket of this.sockets) {
      socket.unpipe();
      socket.pause();
    }
  }

  plug(): void {
    this.cut = false;
  }

  async close(): Promise<void> {
    this.pull();
    await new Promise((done) => this.server.close(done));
  }

  private join(near: Socket, host: string, port: number): void {
    if (this.cut) {
      near.destroy();
      return;
    }
    const far = connect(port, host);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.sockets.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.sockets.delete(from);
        to.destroy();
      });
    }
  }
}
