/**
 * Names for the wire types that the front end uses.
 *
 * `contract.ts` is generated and says everything; this module only gives its schemas short names, so that no other
 * module needs to know how the generator nests them.
 */
import type { ReadonlyPartialJSONValue } from '@lumino/coreutils';
import type { components } from './contract';

type Schemas = components['schemas'];

/** A value of a notebook parameter. */
export type JsonValue = ReadonlyPartialJSONValue;

export type Capacity = Schemas['Capacity'];
export type CellChange = Schemas['CellChange'];
export type Check = Schemas['Check'];
export type CheckList = Schemas['CheckList'];
export type ClusterOffers = Schemas['ClusterOffers'];
export type ClusterOptions = Schemas['ClusterOptions'];
export type BundleFile = Schemas['BundleFile'];
export type DataReference = Schemas['DataReference'];
export type EngineInfo = Schemas['EngineInfo'];
export type Environment = Schemas['Environment'];
export type EnvironmentList = Schemas['EnvironmentList'];
export type EnvironmentSummary = Schemas['EnvironmentSummary'];
export type FieldProblem = Schemas['FieldProblem'];
export type Finding = Schemas['Finding'];
export type GitState = Schemas['GitState'];
export type GpuChoice = Schemas['GpuChoice'];
export type HubInfo = Schemas['HubInfo'];
export type Info = Schemas['Info'];
export type Job = Schemas['Job'];
export type JobError = Schemas['JobError'];
export type JobList = Schemas['JobList'];
export type JobPlacement = Schemas['JobPlacement'];
export type JobPod = Schemas['JobPod'];
export type JobPreview = Schemas['JobPreview'];
export type JobProgress = Schemas['JobProgress'];
export type JobRequest = Schemas['JobRequest'];
export type JobRun = Schemas['JobRun'];
export type JobState = Schemas['JobState'];
export type LeftOutFile = Schemas['LeftOutFile'];
export type LogPage = Schemas['LogPage'];
export type LogSegment = Schemas['LogSegment'];
export type NotebookDiff = Schemas['NotebookDiff'];
export type OfferedClaim = Schemas['OfferedClaim'];
export type OfferedGpu = Schemas['OfferedGpu'];
export type OfferedImage = Schemas['OfferedImage'];
export type OfferedQueue = Schemas['OfferedQueue'];
export type Package = Schemas['Package'];
export type ParameterField = Schemas['ParameterField'];
export type Problem = Schemas['Problem'];
export type RerunRequest = Schemas['RerunRequest'];
export type Severity = Schemas['Severity'];
export type TimelineStep = Schemas['TimelineStep'];
export type TrackingInfo = Schemas['TrackingInfo'];

export type Artifact = Schemas['Artifact'];
export type ArtifactList = Schemas['ArtifactList'];
export type ArtifactTable = Schemas['ArtifactTable'];
export type ArtifactView = Schemas['ArtifactView'];
export type ColumnList = Schemas['ColumnList'];
export type CompareRequest = Schemas['CompareRequest'];
export type ComparedValue = Schemas['ComparedValue'];
export type Comparison = Schemas['Comparison'];
export type Completion = Schemas['Completion'];
export type Curve = Schemas['Curve'];
export type Curves = Schemas['Curves'];
export type CurvesRequest = Schemas['CurvesRequest'];
export type Experiment = Schemas['Experiment'];
export type ExperimentList = Schemas['ExperimentList'];
export type FilterAdvice = Schemas['FilterAdvice'];
export type FilterCheck = Schemas['FilterCheck'];
export type FilterProblem = Schemas['FilterProblem'];
export type Lineage = Schemas['Lineage'];
export type LineageKind = Schemas['LineageKind'];
export type LineageNode = Schemas['LineageNode'];
export type LoadCode = Schemas['LoadCode'];
export type MetricValue = Schemas['MetricValue'];
export type Run = Schemas['Run'];
export type RunDetail = Schemas['RunDetail'];
export type RunModel = Schemas['RunModel'];
export type RunPage = Schemas['RunPage'];
export type RunRerun = Schemas['RunRerun'];
export type RunSearch = Schemas['RunSearch'];
export type RunStatus = Schemas['RunStatus'];
export type TextValue = Schemas['TextValue'];

export type Approval = Schemas['Approval'];
export type EvaluationRequest = Schemas['EvaluationRequest'];
export type EvaluationResult = Schemas['EvaluationResult'];
export type ModelList = Schemas['ModelList'];
export type ModelVersion = Schemas['ModelVersion'];
export type ModelVersionDetail = Schemas['ModelVersionDetail'];
export type ModelVersionList = Schemas['ModelVersionList'];
export type Promotion = Schemas['Promotion'];
export type PromotionAnswer = Schemas['PromotionAnswer'];
export type PromotionLog = Schemas['PromotionLog'];
export type PromotionRequest = Schemas['PromotionRequest'];
export type PromotionRule = Schemas['PromotionRule'];
export type PromotionState = Schemas['PromotionState'];
export type PromotionTerms = Schemas['PromotionTerms'];
export type RegisterRequest = Schemas['RegisterRequest'];
export type RegisteredModel = Schemas['RegisteredModel'];
export type SchemaChange = Schemas['SchemaChange'];
export type Signature = Schemas['Signature'];
export type SignatureField = Schemas['SignatureField'];
export type ModelChange = Schemas['ModelChange'];
export type VersionChange = Schemas['VersionChange'];
export type VersionComparison = Schemas['VersionComparison'];

export type Budget = Schemas['Budget'];
export type BudgetList = Schemas['BudgetList'];
export type CostEstimate = Schemas['CostEstimate'];
export type CostPart = Schemas['CostPart'];
export type CostReport = Schemas['CostReport'];
export type CostRow = Schemas['CostRow'];
export type EarlierRuns = Schemas['EarlierRuns'];
export type JobAdvice = Schemas['JobAdvice'];
export type JobCost = Schemas['JobCost'];
export type PodCost = Schemas['PodCost'];
export type Price = Schemas['Price'];
export type PriceList = Schemas['PriceList'];

export type GpuAlarm = Schemas['GpuAlarm'];
export type GpuCondition = Schemas['GpuCondition'];
export type GpuDevice = Schemas['GpuDevice'];
export type GpuHistory = Schemas['GpuHistory'];
export type GpuLine = Schemas['GpuLine'];
export type GpuOwner = Schemas['GpuOwner'];
export type GpuReading = Schemas['GpuReading'];
export type GpuSnapshot = Schemas['GpuSnapshot'];
export type JobGpuGroup = Schemas['JobGpuGroup'];
export type JobGpus = Schemas['JobGpus'];
export type PodUse = Schemas['PodUse'];
export type ServerCost = Schemas['ServerCost'];
export type Spread = Schemas['Spread'];
export type UsageSummary = Schemas['UsageSummary'];

export type GpusEvent = Schemas['GpusEvent'];
export type GpuReadingsEvent = Schemas['GpuReadingsEvent'];
export type JobsEvent = Schemas['JobsEvent'];
export type ClientMessage = Schemas['ClientMessage'];
export type ServerMessage = Schemas['ServerMessage'];
export type SaveResult = Schemas['Saved']['result'];

const FINAL_STATES: ReadonlySet<JobState> = new Set(['succeeded', 'failed', 'stopped', 'lost']);

/** Whether nothing about a job in this state will change any more. */
export function isFinal(state: JobState): boolean {
  return FINAL_STATES.has(state);
}

/** Whether a run may still change. */
export function isLive(status: RunStatus): boolean {
  return status === 'RUNNING' || status === 'SCHEDULED';
}

/** Name of the engine that runs jobs in a cluster. */
export const CLUSTER_ENGINE = 'kubernetes';
