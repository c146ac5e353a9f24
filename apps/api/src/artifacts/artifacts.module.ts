import { Module } from '@nestjs/common';
import { ArtifactCatalog } from './artifact-catalog.service.js';
import { ArtifactDownloads } from './artifact-downloads.service.js';
import { ArtifactsController } from './artifacts.controller.js';
import { TableReader } from './reading/table-reader.js';

@Module({
  controllers: [ArtifactsController],
  providers: [ArtifactCatalog, ArtifactDownloads, TableReader],
})
export class ArtifactsModule {}
