import { beyond, DomainError } from '@tauro/domain';
import { type Principal } from './principal.js';

/**
 * Nobody passes on what they do not have themselves: neither permissions, nor time.
 * @param ends when what is granted ends by itself. @throws DomainError FORBIDDEN that names what is too much
 */
export function assertMayGrant(
  giver: Principal,
  permissions: readonly string[],
  ends: Date | null | undefined,
): void {
  const missing = beyond(giver.permissions, permissions);
  if (missing.length > 0) {
    const message = `You cannot pass on what you do not have yourself: ${missing.join(', ')}`;
    throw new DomainError('FORBIDDEN', message);
  }
  const { expires_at } = giver;
  if (ends !== undefined && expires_at && (ends === null || ends > expires_at)) {
    const message = `Your own key ends at ${expires_at.toISOString()}, and nothing it makes may outlive it: set expires_at`;
    throw new DomainError('FORBIDDEN', message);
  }
}
