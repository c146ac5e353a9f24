import { type JsonObject } from '@tauro/domain';

/** A connection with its secret in the open: for the memory of the process that uses it, and nothing else. */
export interface OpenConnection {
  id: string;
  name: string;
  kind: string;
  config: JsonObject;
  /** Passwords and the like, by the name that its kind gives them. */
  secret: Readonly<Record<string, string>>;
}

/** What a test of a connection may do. */
export interface ConnectionTest {
  egressAllowPrivate: boolean;
  signal: AbortSignal;
}

/** A kind of system that connections lead to: what describes one, and how to find out whether it works. */
export interface ConnectionKind {
  kind: string;
  /** One sentence for people, shown in OpenAPI. */
  summary: string;
  /** JSON Schema of `config`: an object without unknown keys, and without anything that is secret. */
  schema: Record<string, unknown>;
  /** JSON Schema of `secret`: an object of strings without unknown keys. */
  secret: Record<string, unknown>;
  /** Names what shares its fate, such as `postgresql://db.example.com:5432`: a circuit breaker stands before it. */
  target(config: JsonObject): string;
  /** Logs in and asks the least that proves something. @returns who answered: `PostgreSQL 15.3`. @throws NodeError */
  test(connection: OpenConnection, how: ConnectionTest): Promise<string>;
}
