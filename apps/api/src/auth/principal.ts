import { ALL_PERMISSIONS, type DomainError, type Permission, type ProjectScope } from '@tauro/domain';
import { AsyncLocalStorage } from 'node:async_hooks';

/** Who asks, and what they may do. */
export interface Principal {
  /** `anonymous` is everybody while auth is off, and who gave no valid credentials while it is on. */
  kind: 'anonymous' | 'key' | 'token';
  /** The id of the key (also of one that was exchanged for a token), the subject of a token, or `anonymous`. */
  id: string;
  name: string;
  roles: readonly string[];
  /** What the roles and the permissions granted besides them come to. */
  permissions: readonly Permission[];
  /** The projects it is confined to; null for the whole deployment. */
  project_ids: ProjectScope;
  /** When its key ends by itself; null for never, and for who has none. */
  expires_at: Date | null;
}

/** Nobody in particular. */
const anonymous = (roles: readonly string[], permissions: readonly Permission[]): Principal => ({
  kind: 'anonymous',
  id: 'anonymous',
  name: 'anonymous',
  roles,
  permissions,
  project_ids: null,
  expires_at: null,
});

/** Who asks while auth is off: anybody who can reach the server may do everything. */
export const ANYBODY: Principal = anonymous(['admin'], ALL_PERMISSIONS);

/** Who asks without valid credentials while auth is on. */
export const NOBODY: Principal = anonymous([], []);

/** What is known of the request that is being answered. */
export interface RequestContext {
  principal: Principal;
  /** Why the credentials that were given do not count. */
  refusal?: DomainError;
  /** Who it is by now, for answers that last. @throws DomainError UNAUTHORIZED once the credentials do not count any more */
  now?: () => Promise<Principal>;
  /** Ids in the body that belong to others, where each part of it is answered by itself; see `ScopeGuard`. */
  foreign?: ReadonlyMap<string, DomainError>;
}

const contexts = new AsyncLocalStorage<RequestContext>();

/** Does the work, and all that follows from it, within a context. */
export const within = <T>(context: RequestContext, work: () => T): T => contexts.run(context, work);

/** What is known of the request; undefined for what the server does by itself, and while auth is off. */
export const currentContext = (): RequestContext | undefined => contexts.getStore();

/** Who asks. What happens outside of a request is the server's own doing, which may do everything. */
export const currentPrincipal = (): Principal => contexts.getStore()?.principal ?? ANYBODY;

/** The projects that whoever asks is confined to; null for all. */
export const currentScope = (): ProjectScope => currentPrincipal().project_ids;
