import { Injectable, Logger } from '@nestjs/common';
import { DomainError } from '@tauro/domain';
import { derivedKey, Env } from '@tauro/platform';
import { createRemoteJWKSet, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose';
import { notValid } from '../challenge.js';
import { KeyChecker } from '../keys/key-checker.service.js';
import { type Principal } from '../principal.js';
import { RoleBook } from '../roles/role-book.service.js';
import { grantOf } from './claims.js';
import { OWN_TOKENS } from './token-issuer.service.js';

/** What an identity provider may sign with. A shared secret is not among them, or its public key could pass for one. */
const FOREIGN_ALGORITHMS = ['RS256', 'ES256'];
/** How far apart the clocks of servers may be. */
const CLOCK_TOLERANCE_SECONDS = 10;
/** A token that names an unknown key makes the server ask for new keys, but not more often than this. */
const COOLDOWN_MS = 5000;

/** Tells who holds a token: one of this server's own, or one of the identity provider that it trusts. */
@Injectable()
export class TokenChecker {
  private readonly logger = new Logger(TokenChecker.name);
  private readonly secret: Buffer;
  private readonly keySet: ReturnType<typeof createRemoteJWKSet> | undefined;

  constructor(
    private readonly keys: KeyChecker,
    private readonly roles: RoleBook,
    private readonly env: Env,
  ) {
    this.secret = derivedKey(env, OWN_TOKENS.purpose);
    const { JWT_JWKS_URL: url } = env;
    this.keySet = url ? createRemoteJWKSet(new URL(url), { cooldownDuration: COOLDOWN_MS }) : undefined;
  }

  /** @throws DomainError UNAUTHORIZED, SERVICE_UNAVAILABLE when the provider's keys cannot be had. */
  async check(token: string): Promise<Principal> {
    const { alg } = this.headerOf(token);
    // The algorithm chooses the key, and each key admits only its own: no token can have its signature checked as
    // something that it is not.
    if (alg === OWN_TOKENS.algorithm) return this.keys.holderOf((await this.own(token)).sub!);
    if (FOREIGN_ALGORITHMS.includes(alg!) && this.keySet)
      return this.foreignHolder(await this.foreign(token));
    throw this.refusal(`its algorithm is ${alg}`);
  }

  private headerOf(token: string) {
    try {
      return decodeProtectedHeader(token);
    } catch {
      throw this.refusal('it is no token');
    }
  }

  private own(token: string): Promise<JWTPayload> {
    const { algorithm, issuer, audience } = OWN_TOKENS;
    return jwtVerify(token, this.secret, {
      ...{ algorithms: [algorithm], issuer, audience },
      requiredClaims: ['sub', 'exp', 'iat'],
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
    }).then(({ payload }) => payload, this.explain);
  }

  private foreign(token: string): Promise<JWTPayload> {
    return jwtVerify(token, this.keySet!, {
      algorithms: FOREIGN_ALGORITHMS,
      issuer: this.env.JWT_ISSUER,
      audience: this.env.JWT_AUDIENCE,
      requiredClaims: ['sub', 'exp'],
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
    }).then(({ payload }) => payload, this.explain);
  }

  private async foreignHolder(payload: JWTPayload): Promise<Principal> {
    const grant = grantOf(payload);
    if (!grant) throw this.refusal('its roles, permissions or project_ids are no lists of names');
    const permissions = await this.roles.permissionsOf(grant.roles, grant.permissions);
    return { kind: 'token', ...grant, permissions, expires_at: null };
  }

  private refusal(why: string): DomainError {
    this.logger.warn(`a token was refused: ${why}`);
    return notValid();
  }

  private readonly explain = (error: unknown): never => {
    const { JWKSTimeout, JWKSInvalid, JOSEError } = errors;
    const verdict = error instanceof JOSEError && error.code !== 'ERR_JOSE_GENERIC';
    if (verdict && !(error instanceof JWKSTimeout) && !(error instanceof JWKSInvalid)) {
      throw this.refusal(error.message);
    }
    this.logger.error(`the keys at JWT_JWKS_URL cannot be had: ${String(error)}`);
    throw new DomainError(
      'SERVICE_UNAVAILABLE',
      'The identity provider cannot be reached at the moment; try again shortly',
    );
  };
}
