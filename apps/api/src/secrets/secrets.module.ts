import { Module } from '@nestjs/common';
import { Resealing } from './resealing.js';
import { SecretService } from './secret.service.js';
import { SecretsController } from './secrets.controller.js';

@Module({ controllers: [SecretsController], providers: [Resealing, SecretService] })
export class SecretsModule {}
