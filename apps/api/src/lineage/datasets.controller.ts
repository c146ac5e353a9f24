import { Controller, Get, Param } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { ApiTags } from '@nestjs/swagger';
import { Dataset, toPublic } from '@tauro/database';
import { notFound } from '@tauro/domain';
import { type Model } from 'mongoose';
import { Authenticated } from '../auth/access.decorator.js';
import { contentTag, EntityTag } from '../http/etag.js';
import { ApiData, ApiErrors, ApiList } from '../http/openapi/decorators.js';
import { findPage } from '../http/paging/find-page.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { IdPipe } from '../http/path-params.js';
import { QueryOf } from '../http/query/query-of.decorator.js';
import { DATASET_LIST, DATASET_QUERY } from './dataset.list.js';
import './lineage.examples.js';

/** What runs have read and written outside of themselves. Runs alone make these records. */
@ApiTags('datasets')
@Controller('api/v1/datasets')
export class DatasetsController {
  constructor(@InjectModel(Dataset.name) private readonly datasets: Model<Dataset>) {}

  /** List the datasets that runs have read or written, with the last run that did */
  @Get()
  @Authenticated('runs:read')
  @ApiList(Dataset)
  listDatasets(@QueryOf(DATASET_QUERY) query: ListQuery) {
    return findPage(this.datasets, DATASET_LIST, query);
  }

  /** Get a dataset */
  @Get(':dataset_id')
  @Authenticated('runs:read')
  @ApiData(Dataset)
  @ApiErrors('NOT_FOUND')
  @EntityTag(contentTag)
  async getDataset(@Param('dataset_id', new IdPipe('ds', 'dataset_id')) id: string) {
    const dataset = await this.datasets.findById(id).lean<Dataset | null>();
    if (!dataset) throw notFound('dataset', id);
    return toPublic(dataset);
  }
}
