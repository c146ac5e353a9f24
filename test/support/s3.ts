import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import S3rver from 's3rver';
import { freePort } from './tauro.js';

/** A server of objects that speaks the protocol of S3, checks signatures, and keeps objects in a folder of its own. */
export class S3Server {
  /** What its only account signs with. */
  readonly keys = { access_key_id: 'S3RVER', secret_access_key: 'S3RVER' };

  private readonly client: S3Client;

  private constructor(
    readonly url: string,
    private readonly server: S3rver,
    private readonly directory: string,
  ) {
    this.client = new S3Client({
      endpoint: url,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId: this.keys.access_key_id, secretAccessKey: this.keys.secret_access_key },
    });
  }

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

  /** Makes an object, signed by its account. */
  async put(Bucket: string, Key: string, Body: string | Buffer): Promise<void> {
    await this.client.send(new PutObjectCommand({ Bucket, Key, Body }));
  }

  async get(Bucket: string, Key: string): Promise<string> {
    return (await this.client.send(new GetObjectCommand({ Bucket, Key }))).Body!.transformToString();
  }

  async stop(): Promise<void> {
    this.client.destroy();
    await this.server.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
