/** Everything that a caller can be allowed to do, and what it means. Each route of the API names the one it needs. */
export const PERMISSIONS = {
  'audit:read': 'Read the audit log.',
  'configs:read': 'Read configurations and their history.',
  'configs:write': 'Create, change and remove configurations.',
  'configs:promote': 'Promote a configuration to another environment, and roll it back.',
  'connections:read': 'List connections; their secrets are never shown.',
  'connections:write': 'Create, change, test and remove connections.',
  'keys:manage': 'Create, change, rotate and revoke API keys.',
  'notifications:read': 'Read what was sent about runs.',
  'notifications:manage': 'Send a notification again.',
  'pipelines:read': 'Read pipelines and their versions.',
  'pipelines:write': 'Create, change and remove pipelines.',
  'pools:read': 'List pools and their use.',
  'pools:write': 'Create, change and remove pools.',
  'projects:read': 'Read projects.',
  'projects:write': 'Create, change and remove projects.',
  'roles:manage': 'Create, change and remove roles.',
  'runs:read': 'Read runs, their tasks, outputs and logs.',
  'runs:execute': 'Create, start, steer and remove runs.',
  'runs:approve': 'Decide about tasks that wait for approval.',
  'schedules:read': 'Read schedules, their slots and backfills.',
  'schedules:manage': 'Create, change, trigger, backfill and remove schedules.',
  'secrets:read': 'List the names of secrets; their values are never shown.',
  'secrets:write': 'Set and remove secrets.',
  'statistics:read': 'Read statistics.',
  'system:read': 'See what the server is and what is switched on.',
  'triggers:read': 'Read triggers and their events.',
  'triggers:manage': 'Create, change, rotate and remove triggers.',
  'variables:read': 'Read variables.',
  'variables:write': 'Set and remove variables.',
  'workers:read': 'List workers and what they do.',
  'workers:manage': 'Drain and resume workers.',
} as const;
export type Permission = keyof typeof PERMISSIONS;

export const ALL_PERMISSIONS = Object.keys(PERMISSIONS) as Permission[];

/** Reading, but not what tells of other people: the audit log is an administrator's. */
const VIEWER = ALL_PERMISSIONS.filter((name) => name.endsWith(':read') && name !== 'audit:read');

const OPERATOR: Permission[] = [
  ...VIEWER,
  'runs:execute',
  'runs:approve',
  'schedules:manage',
  'notifications:manage',
  'workers:manage',
];

const DEVELOPER: Permission[] = [
  ...OPERATOR,
  'configs:write',
  'connections:write',
  'pipelines:write',
  'pools:write',
  'projects:write',
  'secrets:write',
  'triggers:manage',
  'variables:write',
];

/** The roles that are always there. Each has all of the one before it. */
export const BUILT_IN_ROLES = {
  viewer: { description: 'Sees everything, changes nothing.', permissions: VIEWER },
  operator: { description: 'Keeps what others made running.', permissions: OPERATOR },
  developer: { description: 'Makes projects, pipelines and what belongs to them.', permissions: DEVELOPER },
  admin: { description: 'Does everything, also keys and roles.', permissions: ALL_PERMISSIONS },
} as const satisfies Record<string, { description: string; permissions: readonly Permission[] }>;
export type BuiltInRole = keyof typeof BUILT_IN_ROLES;

export const isPermission = (text: string): text is Permission => Object.hasOwn(PERMISSIONS, text);

export const isBuiltInRole = (name: string): name is BuiltInRole => Object.hasOwn(BUILT_IN_ROLES, name);

/**
 * What roles and permissions that were granted by themselves come to, without duplicates and sorted. A name that means
 * nothing (any more) grants nothing. @param custom permissions of the roles that are not built in, by name.
 */
export function permissionsOf(
  roles: readonly string[],
  granted: readonly string[],
  custom: ReadonlyMap<string, readonly string[]> = new Map(),
): Permission[] {
  const all = roles.flatMap((role) =>
    isBuiltInRole(role) ? BUILT_IN_ROLES[role].permissions : (custom.get(role) ?? []),
  );
  return [...new Set([...all, ...granted])].filter(isPermission).sort();
}

/** The projects that somebody is confined to; null for all of them. */
export type ProjectScope = readonly string[] | null;

/** The part of `asked` that `held` does not cover: what somebody may not pass on. */
export const beyond = (held: readonly string[], asked: readonly string[]): string[] =>
  asked.filter((one) => !held.includes(one));
