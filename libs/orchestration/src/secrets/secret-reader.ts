import { Injectable } from '@nestjs/common';
import { type Secret } from '@tauro/database';
import { secretPurpose } from '@tauro/domain';
import { NodeError } from '@tauro/nodes';
import { CannotUnseal, Env, unseal } from '@tauro/platform';
import { Collections } from '../collections.js';
import { namedFor } from '../named-things.js';

/** A secret as an attempt sees it. */
export interface OpenSecret {
  value: string;
  /** Differs when the value does, and says nothing of it. */
  mark: string;
}

/** Opens secrets, for the memory of this process alone. Each attempt asks anew, so a new value counts at once. */
@Injectable()
export class SecretReader {
  constructor(
    private readonly db: Collections,
    private readonly env: Env,
  ) {}

  /**
   * The secrets of these names that are there; a project's own goes before one for all projects.
   * @param project_id null for those of all projects alone.
   * @throws NodeError for one that the SECRET_KEY of this process does not open.
   */
  async open(project_id: string | null, names: string[]): Promise<Map<string, OpenSecret>> {
    const chosen = await namedFor(this.db.secrets, project_id, names);
    return new Map([...chosen].map(([name, secret]) => [name, this.opened(secret)]));
  }

  private opened({ _id, name, version, engine }: Secret): OpenSecret {
    try {
      return { value: unseal(this.env, secretPurpose(_id), engine.sealed), mark: `${_id}/${version}` };
    } catch (error) {
      if (!(error instanceof CannotUnseal)) throw error;
      throw new NodeError('SecretUnreadable', `secret '${name}': ${error.message}`);
    }
  }
}
