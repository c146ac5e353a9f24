import { livy } from '../livy/connection.js';
import { mongodb } from '../mongodb/connection.js';
import { kafka } from '../kafka/connection.js';
import { mysql } from '../mysql/connection.js';
import { postgresql } from '../postgresql/connection.js';
import { rest } from '../rest/connection.js';
import { s3 } from '../s3/connection.js';
import { sftp } from '../sftp/connection.js';
import { type ConnectionKind } from './connection-kind.js';

/** Every kind of connection there is. A new one is one folder and one entry here. */
export const CONNECTION_KINDS: ReadonlyMap<string, ConnectionKind> = new Map(
  [postgresql, mysql, mongodb, s3, sftp, kafka, rest, livy].map((kind) => [kind.kind, kind]),
);
