import { type IdPrefix, ID_PREFIXES } from '@tauro/domain';
import { currentContext } from '../principal.js';
import { namedIds } from './named-ids.js';

const ALL = new Set<IdPrefix>(ID_PREFIXES);

/**
 * Refuses a part of a batch that names something of a project that the caller is not confined to. What a batch does all
 * or nothing of, `ScopeGuard` has refused as a whole. @throws DomainError NOT_FOUND
 */
export function refuseForeign(part: unknown): void {
  const others = currentContext()?.foreign;
  if (!others || others.size === 0) return;
  for (const ids of namedIds(part, ALL).values()) {
    for (const id of ids) {
      const refusal = others.get(id);
      if (refusal) throw refusal;
    }
  }
}
