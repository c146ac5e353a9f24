import { type EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { type Socket } from 'node:net';

/** What of the driver's own class is touched here. */
interface DriverConnection extends EventEmitter {
  socket: Socket;
  closed: boolean;
  cleanup(error: Error): void;
}

const PATCHED = Symbol('tauro.closed-connections');

/**
 * Makes every operation of the MongoDB driver settle whose connection is closed while it is being written.
 *
 * The driver (7.0 to 7.9 at least) waits for the socket to drain after a write that returned false. A socket that was
 * destroyed a moment before the write returns false too, and never drains: the operation then neither ends nor fails, no
 * time limit applies to it, and its place in the pool is lost. It takes a server that goes away and a busy event loop, and
 * it left workers with all their slots waiting for ever. There is no option against it, hence this.
 *
 * @throws Error when the driver has another shape, so that an update is noticed at once and not in the next outage.
 */
export function settleClosedConnections(): void {
  const driver = createRequire(createRequire(__filename).resolve('mongoose'));
  const { Connection } = driver('mongodb/lib/cmap/connection.js') as {
    Connection?: { prototype: DriverConnection & { [PATCHED]?: true } };
  };
  const prototype = Connection?.prototype;
  if (typeof prototype?.cleanup !== 'function') {
    throw new Error('the MongoDB driver has changed: see whether it still needs settleClosedConnections');
  }
  if (prototype[PATCHED]) return;
  prototype[PATCHED] = true;
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its object below
  const { cleanup } = prototype;
  prototype.cleanup = function (this: DriverConnection, error: Error): void {
    const wasOpen = !this.closed;
    cleanup.call(this, error);
    if (!wasOpen) return;
    // Whoever writes from now on hears of it, and whoever waits for a drain looks up and finds the connection closed.
    this.socket.write = () => {
      throw error;
    };
    this.socket.emit('drain');
  };
}
