import { type ServerSpec } from './server-spec.js';

/** How to find a running guardian: written into DATA_DIR, readable by its owner only. */
export interface GuardianContact {
  pid: number;
  port: number;
  token: string;
}

/** One line of JSON from a client: which servers it needs. */
export interface GuardianRequest {
  token: string;
  servers: ServerSpec[];
}

/** The answer: on which ports they listen, which need not be the ports asked for if they ran already. */
export type GuardianAnswer = { ports: Record<string, number> } | { error: string };
