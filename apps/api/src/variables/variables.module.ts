import { Module } from '@nestjs/common';
import { VariableService } from './variable.service.js';
import { VariablesController } from './variables.controller.js';

@Module({ controllers: [VariablesController], providers: [VariableService] })
export class VariablesModule {}
