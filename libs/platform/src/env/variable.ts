import { type Kind } from './kinds.js';

/** One environment variable: the single place that knows its type, default, meaning and example. */
export interface VariableSpec {
  name: string;
  kind: Kind<unknown>;
  /** The text used when the variable is unset; `''` leaves the property undefined. */
  default: string;
  description: string;
  example: string;
  /** A secret's value is never printed, not even when it is wrong. */
  secret: boolean;
}

interface Options {
  example?: string;
  secret?: boolean;
}

/** Every declared variable, in the order of declaration (which is the order of `.env.example`). */
export const VARIABLES: VariableSpec[] = [];

/** Declares a variable with a default. The property's type has to be what the kind parses to. */
export function Variable<T>(kind: Kind<T>, fallback: string, description: string, options: Options = {}) {
  return <K extends string>(_target: Record<K, T>, name: K): void => {
    declare(name, kind, fallback, description, options);
  };
}

/** Declares a variable that may stay undefined. */
export function OptionalVariable<T>(kind: Kind<T>, description: string, options: Options = {}) {
  return <K extends string>(_target: { [P in K]?: T }, name: K): void => {
    declare(name, kind, '', description, options);
  };
}

function declare(
  name: string,
  kind: Kind<unknown>,
  fallback: string,
  description: string,
  options: Options,
): void {
  VARIABLES.push({
    name,
    kind,
    default: fallback,
    description,
    example: options.example ?? kind.example,
    secret: options.secret ?? false,
  });
}
