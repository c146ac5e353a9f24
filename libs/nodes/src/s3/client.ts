import { createReadStream, createWriteStream } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  GetObjectCommand,
  HeadBucketCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { type OpenConnection } from '../connections/connection-kind.js';
import { checkTarget, egressLookup } from '../egress/egress.js';
import { NodeError } from '../node-kind.js';
import { endpointOf } from './endpoint.js';
import { storeError } from './errors.js';

/** An object as a list tells it. */
export interface StoredObject {
  key: string;
  size: number;
  etag: string;
  /** When it was last modified. */
  modified: string;
}

/** Parts that are sent at once, and how large one is: what an upload keeps in memory is their product. */
const PARTS_AT_ONCE = 4;
const PART_BYTES = 8 * 1024 * 1024;
/** More are no list for a person or a node, but a sign of the wrong prefix. */
const MAX_OBJECTS = 10_000;

/** Hands an opened store to `work`, and closes its connections whatever happens. */
export async function withS3<T>(
  connection: OpenConnection,
  allowPrivate: boolean,
  signal: AbortSignal,
  work: (store: ObjectStore) => Promise<T>,
): Promise<T> {
  // Which versions of Node are supported is this project's to say, not for the log of each worker.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
  const endpoint = new URL(endpointOf(connection.config));
  checkTarget(endpoint, allowPrivate);
  const lookup = egressLookup(allowPrivate);
  const client = new S3Client({
    ...settingsOf(connection),
    maxAttempts: 3,
    requestHandler: {
      connectionTimeout: 10_000,
      requestTimeout: 60_000,
      // The rule sits where connections are made, so that no redirect gets around it.
      httpAgent: new HttpAgent({ keepAlive: true, lookup } as ConstructorParameters<typeof HttpAgent>[0]),
      httpsAgent: new HttpsAgent({ keepAlive: true, lookup } as ConstructorParameters<typeof HttpsAgent>[0]),
    },
  });
  try {
    return await work(new ObjectStore(client, connection, signal));
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    client.destroy();
  }
}

function settingsOf({ config, secret }: OpenConnection): S3ClientConfig {
  const { access_key_id: accessKeyId, secret_access_key: secretAccessKey, session_token } = secret;
  const { endpoint, region, path_style } = config;
  const settings: S3ClientConfig = {
    region: String(region ?? 'us-east-1'),
    forcePathStyle: (path_style as boolean | undefined) ?? endpoint !== undefined,
    // Compatible stores know no checksums beyond what the protocol asks for.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    ...(endpoint !== undefined && { endpoint: String(endpoint) }),
  };
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    // Never whatever credentials this machine has.
    return {
      ...settings,
      credentials: { accessKeyId: '', secretAccessKey: '' },
      signer: { sign: async (r) => r },
    };
  }
  const credentials = {
    accessKeyId,
    secretAccessKey,
    ...(session_token !== undefined && { sessionToken: session_token }),
  };
  return { ...settings, credentials };
}

/** A store of objects, as nodes use it. Failures are told in words that name the connection. */
export class ObjectStore {
  constructor(
    private readonly client: S3Client,
    private readonly connection: OpenConnection,
    private readonly signal: AbortSignal,
  ) {}

  /** The bucket that a node means. @throws NodeError when neither it nor the connection names one. */
  bucket(named: unknown): string {
    const bucket = named ?? this.connection.config['bucket'];
    if (typeof bucket === 'string') return bucket;
    const message = `neither the node nor the connection '${this.connection.name}' names a bucket`;
    throw new NodeError('InvalidConfig', message, false);
  }

  /** @returns who is there. */
  greet(): Promise<string> {
    const { bucket } = this.connection.config;
    return this.asking(
      bucket === undefined ? 'its buckets' : `s3://${String(bucket)}`,
      async (abortSignal) => {
        if (bucket === undefined) {
          const { Buckets = [] } = await this.client.send(new ListBucketsCommand({}), { abortSignal });
          return `S3 with ${Buckets.length} bucket(s)`;
        }
        await this.client.send(new HeadBucketCommand({ Bucket: String(bucket) }), { abortSignal });
        return `S3 bucket ${String(bucket)}`;
      },
    );
  }

  /** Objects whose keys begin so, in the order of their keys. */
  list(bucket: string, prefix: string): Promise<StoredObject[]> {
    return this.asking(`s3://${bucket}/${prefix}`, async (abortSignal) => {
      const found: StoredObject[] = [];
      for (let after: string | undefined; ;) {
        const page = await this.client.send(
          new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: after }),
          { abortSignal },
        );
        for (const { Key, Size = 0, ETag = '', LastModified } of page.Contents ?? []) {
          if (Key === undefined) continue;
          found.push({ key: Key, size: Size, etag: ETag, modified: LastModified?.toISOString() ?? '' });
        }
        if (found.length > MAX_OBJECTS) {
          const message = `s3://${bucket}/${prefix} has more than ${MAX_OBJECTS} objects; name a longer prefix`;
          throw new NodeError('InvalidConfig', message, false);
        }
        after = page.NextContinuationToken;
        if (!page.IsTruncated || after === undefined) return found;
      }
    });
  }

  /** Brings an object into a file. */
  download(bucket: string, key: string, path: string): Promise<void> {
    return this.asking(`s3://${bucket}/${key}`, async (abortSignal) => {
      const { Body } = await this.client.send(new GetObjectCommand({ Bucket: bucket, Key: key }), {
        abortSignal,
      });
      await pipeline(Body as Readable, createWriteStream(path), { signal: abortSignal });
    });
  }

  /**
   * Makes an object of a file, in parts when it is large; nobody sees it before it is whole.
   * @param absent whether there must not be one yet. @throws NodeError 'TargetExists'
   */
  upload(bucket: string, key: string, path: string, { absent }: { absent: boolean }): Promise<void> {
    return this.asking(`s3://${bucket}/${key}`, async (abortSignal) => {
      // Not every store that speaks the protocol knows the condition below, which no other writer gets around.
      if (absent && (await this.list(bucket, key)).some((object) => object.key === key)) {
        throw new NodeError(
          'TargetExists',
          `s3://${bucket}/${key} exists already, and write_mode is error`,
          false,
        );
      }
      const upload = new Upload({
        client: this.client,
        params: {
          Bucket: bucket,
          Key: key,
          Body: createReadStream(path),
          ...(absent && { IfNoneMatch: '*' }),
        },
        queueSize: PARTS_AT_ONCE,
        partSize: PART_BYTES,
      });
      const stop = (): void => void upload.abort();
      abortSignal.addEventListener('abort', stop, { once: true });
      try {
        await upload.done();
      } finally {
        abortSignal.removeEventListener('abort', stop);
      }
    });
  }

  private async asking<T>(what: string, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      this.signal.throwIfAborted();
      return await ask(this.signal);
    } catch (error) {
      this.signal.throwIfAborted();
      throw storeError(error, this.connection.name, what);
    }
  }
}
