import { Module } from '@nestjs/common';
import { DefinitionChecker } from './checking/definition-checker.service.js';
import { DefinitionCheck } from './definition-check.service.js';
import { DiscoveryService } from './discovery/discovery.service.js';
import { PipelineCatalog } from './pipeline-catalog.service.js';
import { PipelinesController } from './pipelines.controller.js';
import { VersionsController } from './versions.controller.js';

@Module({
  controllers: [PipelinesController, VersionsController],
  providers: [DefinitionCheck, DefinitionChecker, DiscoveryService, PipelineCatalog],
  exports: [DiscoveryService],
})
export class PipelinesModule {}
