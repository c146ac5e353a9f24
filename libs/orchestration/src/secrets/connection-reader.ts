import { Injectable } from '@nestjs/common';
import { type Connection } from '@tauro/database';
import { connectionPurpose, type JsonObject, secretsIn, withSecrets } from '@tauro/domain';
import { NodeError, type OpenConnection } from '@tauro/nodes';
import { CannotUnseal, Env, unseal } from '@tauro/platform';
import { Collections } from '../collections.js';
import { namedFor } from '../named-things.js';
import { SecretReader } from './secret-reader.js';

/** Opens connections, for the memory of this process alone. Each attempt asks anew, so a change counts at once. */
@Injectable()
export class ConnectionReader {
  constructor(
    private readonly db: Collections,
    private readonly secrets: SecretReader,
    private readonly env: Env,
  ) {}

  /** The connection of this name; a project's own goes before one for all projects. @throws NodeError */
  async named(project_id: string, name: string, kind: string): Promise<OpenConnection> {
    const connection = (await namedFor(this.db.connections, project_id, [name])).get(name);
    if (!connection) {
      const message = `there is no connection '${name}' in the project, nor for all projects: make it with POST /api/v1/connections`;
      throw new NodeError('ConnectionNotFound', message, false);
    }
    if (connection.kind === kind) return this.open(connection);
    const message = `connection '${name}' leads to ${connection.kind}, and the node needs one to ${kind}`;
    throw new NodeError('InvalidConfig', message, false);
  }

  /** @throws NodeError when one of its secrets is not there, or SECRET_KEY does not open it. */
  async open(connection: Connection): Promise<OpenConnection> {
    const { _id: id, project_id, name, kind } = connection;
    const references = secretsIn(connection.secret);
    const secrets = await this.secrets.open(project_id, references);
    const absent = references.find((one) => !secrets.has(one));
    if (absent !== undefined) {
      const message = `connection '${name}' refers to the secret '${absent}', which is not there`;
      throw new NodeError('ConnectionNotFound', message, false);
    }
    const values = Object.fromEntries([...secrets].map(([one, { value }]) => [one, value]));
    const secret = { ...connection.secret, ...this.unsealed(connection) };
    return {
      id,
      name,
      kind,
      config: connection.config as JsonObject,
      secret: withSecrets(secret, values) as Record<string, string>,
    };
  }

  private unsealed({ _id, name, engine: { sealed } }: Connection): Record<string, string> {
    if (sealed === null) return {};
    try {
      return JSON.parse(unseal(this.env, connectionPurpose(_id), sealed)) as Record<string, string>;
    } catch (error) {
      if (!(error instanceof CannotUnseal)) throw error;
      throw new NodeError('SecretUnreadable', `connection '${name}': ${error.message}`);
    }
  }
}
