import { ALL_PERMISSIONS, type DomainError, type Permission, type ProjectScope } from '@tauro/domain';
import { AsyncLocalStorage } from 'node:async_hooks';

/** Who asks, and what they may do. */
export interface Principal {
  /** `anonymous` is everybody while auth is off, and who gave no valid credentials while it is on. */
  kind: 'anonymous' | 'key' | 'token';
  /** The key's id, a token's subject, or `anonymous`. */
  id: string;
  name: string;
  roles: readonly string[];
  /** What the roles and the permissions granted besides them come to. */
  permissions: readonly Permission[];
  /** The projects it is confined to; null for the whole deployment. */
  project_ids: ProjectScope;
  /** When its credentials end by themselves; null for never. */
  expires_at: Date | null;
}

/** Nobody in particular. */
const anonymous = (permissions: readonly Permission[]): Principal => ({
  kind: 'anonymous',
  id: 'anonymous',
  name: 'anonymous',
  roles: [],
  permissions,
  project_ids: null,
  expires_at: null,
});

/** Who asks while auth is off: anybody who can reach the server may do everything. */
export const ANYBODY: Principal = { ...anonymous(ALL_PERMISSIONS), roles: ['admin'] };

/** Who asks without valid credentials while auth is on. */
export const NOBODY: Principal = anonymous([]);

interface RequestContext {
  principal: Principal;
  /** Why the credentials that were given do not count. */
  refusal?: DomainError;
}

const contexts = new AsyncLocalStorage<RequestContext>();

/** Does the work, and all that follows from it, on behalf of somebody. */
export const actAs = <T>(context: RequestContext, work: () => T): T => contexts.run(context, work);

/** Who asks. What happens outside of a request is the server's own doing, which may do everything. */
export const currentPrincipal = (): Principal => contexts.getStore()?.principal ?? ANYBODY;

/** The projects that whoever asks is confined to; null for all. */
export const currentScope = (): ProjectScope => currentPrincipal().project_ids;

/** Why the credentials of the current request do not count. */
export const currentRefusal = (): DomainError | undefined => contexts.getStore()?.refusal;
