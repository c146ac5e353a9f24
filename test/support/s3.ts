import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import S3rver from 's3rver';
import { freePort } from './tauro.js';

/** A server of objects that speaks the protocol of S3, checks signatures, and keeps objects in a folder of its own. */
export class S3Server {
  /** What its only account signs with. */
  readonly keys = { access_key_id: 'S3RVER', secret_access_key: 'S3RVER' };

  private constructor(
    readonly url: string,
    private readonly server: S3rver,
    private readonly directory: string,
  ) {}

  static async start(...buckets: string[]): Promise<S3Server> {
    const directory = mkdtempSync(join(tmpdir(), 'tauro-s3-'));
    const port = await freePort();
    const server = new S3rver({
      port,
      address: '127.0.0.1',
      silent: true,
      directory,
      configureBuckets: buckets.map((name) => ({ name, configs: [] })),
    });
    await server.run();
    return new S3Server(`http://127.0.0.1:${port}`, server, directory);
  }

  async stop(): Promise<void> {
    await this.server.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
