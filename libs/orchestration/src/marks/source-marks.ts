import { Injectable } from '@nestjs/common';
import { type Run, type SourceMark } from '@tauro/database';
import { markId, type MarkPlace } from '@tauro/domain';
import { NodeError } from '@tauro/nodes';
import { type mongo } from 'mongoose';
import { Collections, DUPLICATE_KEY } from '../collections.js';
import { type NodeMark } from './moved-marks.js';

type Owner = Pick<Run, 'project_id' | 'pipeline_id'>;

/**
 * Where incremental sources stand. An attempt reads the mark when it begins; only the end of its run moves it, in the
 * transaction that makes the run SUCCESS, and only as long as nobody has moved or reset it in between. So what lies
 * before a mark was always taken on by a run that succeeded, and no run, however late, moves one back.
 */
@Injectable()
export class SourceMarks {
  constructor(private readonly db: Collections) {}

  /** Where the source of a node stands; a record is made when there is none. @throws NodeError when it is of something else */
  async read({ project_id, pipeline_id }: Owner, node_id: string, by: string): Promise<MarkPlace> {
    const _id = markId(project_id, pipeline_id, node_id);
    for (;;) {
      const mark =
        (await this.db.marks.findOne({ _id })) ??
        (await this.begin({ _id, project_id, pipeline_id, node_id, by }));
      if (mark.by === by) return { by, value: mark.value, revision: mark.revision };
      if (mark.value !== null) {
        const message = `the mark of node '${node_id}' is one of '${mark.by}', and the node reads by '${by}': reset or set it under /pipelines/${pipeline_id}/marks/${node_id}`;
        throw new NodeError('InvalidConfig', message, false);
      }
      // It was reset, so it may become one of something else; whoever was faster is looked at again.
      await this.db.marks.updateOne({ _id, revision: mark.revision, value: null }, { $set: { by } });
    }
  }

  /** Moves marks as part of the end of their run. @returns those that stay, because somebody else has moved them. */
  async move(run: Run, moves: readonly NodeMark[], session: mongo.ClientSession): Promise<NodeMark[]> {
    const stayed: NodeMark[] = [];
    for (const move of moves) {
      const { node_id, by, value, revision } = move;
      const _id = markId(run.project_id, run.pipeline_id, node_id);
      const { matchedCount } = await this.db.marks.updateOne(
        { _id, by, revision },
        {
          $set: { value, run_id: run._id, updated_by: null, updated_at: new Date() },
          $inc: { revision: 1 },
        },
        { session },
      );
      if (matchedCount === 0) stayed.push(move);
    }
    return stayed;
  }

  private async begin(
    mark: Pick<SourceMark, '_id' | 'project_id' | 'pipeline_id' | 'node_id' | 'by'>,
  ): Promise<SourceMark> {
    const now = new Date();
    const made: SourceMark = {
      ...mark,
      value: null,
      run_id: null,
      updated_by: null,
      created_at: now,
      updated_at: now,
      revision: 1,
    };
    try {
      await this.db.marks.insertOne(made);
      return made;
    } catch (error) {
      if ((error as { code?: number }).code !== DUPLICATE_KEY) throw error;
      return (await this.db.marks.findOne({ _id: mark._id })) ?? made;
    }
  }
}
