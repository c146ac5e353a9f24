import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { Identification } from './identification.js';
import { KeyChecker } from './keys/key-checker.service.js';
import { KeyService } from './keys/key.service.js';
import { KeysController } from './keys/keys.controller.js';
import { RoleBook } from './roles/role-book.service.js';
import { RoleService } from './roles/role.service.js';
import { RolesController } from './roles/roles.controller.js';
import { RouteCheck } from './route-check.js';
import { ScopeGuard } from './scope/scope.guard.js';
import { AuthController } from './tokens/auth.controller.js';
import { TokenChecker } from './tokens/token-checker.service.js';
import { TokenIssuer } from './tokens/token-issuer.service.js';

/** Who asks, and what they may do. */
@Module({
  imports: [DiscoveryModule],
  controllers: [AuthController, KeysController, RolesController],
  providers: [
    RouteCheck,
    Identification,
    KeyChecker,
    KeyService,
    RoleBook,
    RoleService,
    ScopeGuard,
    TokenChecker,
    TokenIssuer,
  ],
})
export class AuthModule {}
