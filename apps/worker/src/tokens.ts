/** Injection tokens of what nodes are executed with. */
export const HANDLERS = Symbol('HANDLERS');
export const COMMANDS = Symbol('COMMANDS');
export const ARTIFACTS = Symbol('ARTIFACTS');
export const NODE_SETTINGS = Symbol('NODE_SETTINGS');
