# The same as deploy/aws/template.yaml, which has more comments. A test compares the two.

data "aws_partition" "here" {}
data "aws_region" "here" {}
data "aws_caller_identity" "here" {}

locals {
  partition = data.aws_partition.here.partition
  region    = data.aws_region.here.region
  account   = data.aws_caller_identity.here.account_id
  here      = "${local.region}:${local.account}"

  package     = var.package == "" ? "${path.module}/../../dist/holdoff-lambda.zip" : var.package
  one_project = var.codebuild_project != ""
  projects    = local.one_project ? [var.codebuild_project] : var.codebuild_projects
  table       = var.existing_table == "" ? aws_dynamodb_table.gates[0].name : var.existing_table
  table_arn   = "arn:${local.partition}:dynamodb:${local.here}:table/${local.table}"

  project_arns = [for name in local.projects : "arn:${local.partition}:codebuild:${local.here}:project/${name}"]

  named_parameters = compact([var.github_secret, var.gitlab_secret, var.standard_secret, var.shared_secret])
  has_webhooks     = length(local.named_parameters) + length(var.secret_arns) > 0
  alarm_actions    = var.alarm_email == "" ? [] : [aws_sns_topic.alarms[0].arn]

  # A variable that is null is not set.
  environment = {
    REGION_NAME                   = local.region
    DDB_TABLE_NAME                = local.table
    CODEBUILD_PROJECT_NAME        = local.one_project ? var.codebuild_project : null
    COOLDOWN                      = local.one_project ? var.cooldown : null
    HOLDOFF_CONFIG                = local.one_project ? null : var.config_parameter == "" ? "holdoff.toml" : "ssm:${var.config_parameter}"
    HOLDOFF_SCHEDULE_ROLE         = aws_iam_role.scheduler.arn
    HOLDOFF_SCHEDULE_GROUP        = aws_scheduler_schedule_group.wakes.name
    HOLDOFF_SCHEDULE_DEAD_LETTERS = aws_sqs_queue.dead_letters.arn
    HOLDOFF_DEAD_LETTERS          = aws_sqs_queue.dead_letters.url
    HOLDOFF_AWS_CLIENT            = var.client == "lean" ? "lean" : null
    HOLDOFF_WEBHOOK_GITHUB        = var.github_secret == "" ? null : "ssm:${var.github_secret}"
    HOLDOFF_WEBHOOK_GITLAB        = var.gitlab_secret == "" ? null : "ssm:${var.gitlab_secret}"
    HOLDOFF_WEBHOOK_STANDARD      = var.standard_secret == "" ? null : "ssm:${var.standard_secret}"
    HOLDOFF_WEBHOOK_SECRET        = var.shared_secret == "" ? null : "ssm:${var.shared_secret}"
    AWS_ENDPOINT_URL_DYNAMODB     = var.dynamodb_endpoint == "" ? null : var.dynamodb_endpoint
    AWS_ENDPOINT_URL_CODEBUILD    = var.codebuild_endpoint == "" ? null : var.codebuild_endpoint
  }
}

# --- The gates -------------------------------------------------------------------------------------

# The same table as `holdoff store init` makes.
resource "aws_dynamodb_table" "gates" {
  count = var.existing_table == "" ? 1 : 0

  name                        = var.name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "cb_project"
  range_key                   = "region"
  deletion_protection_enabled = true

  attribute {
    name = "cb_project"
    type = "S"
  }

  attribute {
    name = "region"
    type = "S"
  }

  attribute {
    name = "due_in"
    type = "S"
  }

  attribute {
    name = "due"
    type = "N"
  }

  # A sparse index: it has only the gates to wake.
  global_secondary_index {
    name            = "holdoff-due"
    hash_key        = "due_in"
    range_key       = "due"
    projection_type = "KEYS_ONLY"
  }

  ttl {
    attribute_name = "expires"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled = true
  }

  lifecycle {
    prevent_destroy = true
  }
}

# --- The function ----------------------------------------------------------------------------------

resource "aws_lambda_function" "holdoff" {
  function_name    = var.name
  description      = "Holdoff decides what becomes of each trigger"
  filename         = local.package
  source_code_hash = filebase64sha256(local.package)
  handler          = "holdoff.ingress.aws_lambda.handler"
  runtime          = "python3.13"
  architectures    = [var.architecture]
  # The function needs about 60 MB. The rest buys processor time, which Lambda gives in proportion to memory.
  memory_size = 512
  # The slowest case, with every retry, takes 227 s.
  timeout = 240
  role    = aws_iam_role.function.arn

  logging_config {
    log_group  = aws_cloudwatch_log_group.function.name
    log_format = "JSON"
  }

  environment {
    variables = { for name, value in local.environment : name => value if value != null }
  }

  lifecycle {
    precondition {
      condition = !local.one_project || (
        length(concat(var.codebuild_projects, var.code_pipelines, var.start_roles)) == 0
        && !var.batch_builds && var.config_parameter == ""
      )
      error_message = "codebuild_project is for one project; codebuild_projects, batch_builds, code_pipelines, start_roles and config_parameter are for a holdoff.toml."
    }
    precondition {
      condition     = length(concat(local.projects, var.code_pipelines, var.start_roles)) > 0
      error_message = "Name a codebuild_project, or the codebuild_projects, code_pipelines or start_roles of your holdoff.toml."
    }
  }
}

# For asynchronous invocations: EventBridge, SNS, schedules. Six hours and two retries are the service's maximum.
resource "aws_lambda_function_event_invoke_config" "holdoff" {
  function_name                = aws_lambda_function.holdoff.function_name
  maximum_event_age_in_seconds = 21600
  maximum_retry_attempts       = 2

  destination_config {
    on_failure {
      destination = aws_sqs_queue.dead_letters.arn
    }
  }

  depends_on = [aws_iam_role_policy.function]
}

resource "aws_cloudwatch_log_group" "function" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
}

resource "aws_iam_role" "function" {
  name_prefix        = "${var.name}-function-"
  description        = "What the Holdoff function may do"
  assume_role_policy = data.aws_iam_policy_document.function_trust.json
}

data "aws_iam_policy_document" "function_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy" "function" {
  name   = "holdoff"
  role   = aws_iam_role.function.id
  policy = data.aws_iam_policy_document.function.json
}

data "aws_iam_policy_document" "function" {
  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.function.arn}:*"]
  }

  statement {
    sid = "Gates"
    actions = [
      "dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem",
    ]
    resources = [local.table_arn]
  }

  statement {
    sid       = "Due"
    actions   = ["dynamodb:Query"]
    resources = ["${local.table_arn}/index/holdoff-due"]
  }

  dynamic "statement" {
    for_each = var.existing_table == "" ? [] : [1]

    content {
      sid       = "DueWithoutIndex"
      actions   = ["dynamodb:Scan"]
      resources = [local.table_arn]
    }
  }

  dynamic "statement" {
    for_each = length(local.projects) == 0 ? [] : [1]

    content {
      sid       = "Builds"
      actions   = ["codebuild:StartBuild", "codebuild:ListBuildsForProject", "codebuild:BatchGetBuilds"]
      resources = local.project_arns
    }
  }

  # Only a holdoff.toml can stop builds (overlap = "cancel").
  dynamic "statement" {
    for_each = local.one_project || length(local.projects) == 0 ? [] : [1]

    content {
      sid       = "StopBuilds"
      actions   = ["codebuild:StopBuild"]
      resources = local.project_arns
    }
  }

  dynamic "statement" {
    for_each = var.batch_builds && length(local.projects) > 0 ? [1] : []

    content {
      sid = "Batches"
      actions = [
        "codebuild:StartBuildBatch", "codebuild:ListBuildBatchesForProject", "codebuild:BatchGetBuildBatches",
        "codebuild:StopBuildBatch",
      ]
      resources = local.project_arns
    }
  }

  dynamic "statement" {
    for_each = length(var.code_pipelines) == 0 ? [] : [1]

    content {
      sid = "Pipelines"
      actions = [
        "codepipeline:StartPipelineExecution", "codepipeline:GetPipeline", "codepipeline:ListPipelineExecutions",
        "codepipeline:GetPipelineExecution", "codepipeline:StopPipelineExecution",
      ]
      resources = [for name in var.code_pipelines : "arn:${local.partition}:codepipeline:${local.here}:${name}"]
    }
  }

  dynamic "statement" {
    for_each = length(var.start_roles) == 0 ? [] : [1]

    content {
      sid       = "StartRoles"
      actions   = ["sts:AssumeRole"]
      resources = var.start_roles
    }
  }

  statement {
    sid       = "Wakes"
    actions   = ["scheduler:CreateSchedule"]
    resources = ["arn:${local.partition}:scheduler:${local.here}:schedule/${aws_scheduler_schedule_group.wakes.name}/*"]
  }

  statement {
    sid       = "PassSchedulerRole"
    actions   = ["iam:PassRole"]
    resources = [aws_iam_role.scheduler.arn]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["scheduler.amazonaws.com"]
    }
  }

  statement {
    sid       = "DeadLetters"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.dead_letters.arn]
  }

  dynamic "statement" {
    for_each = var.config_parameter == "" ? [] : [1]

    content {
      sid       = "Config"
      actions   = ["ssm:GetParameter"]
      resources = ["arn:${local.partition}:ssm:${local.here}:parameter${var.config_parameter}"]
    }
  }

  dynamic "statement" {
    for_each = length(local.named_parameters) == 0 ? [] : [1]

    content {
      sid       = "WebhookSecrets"
      actions   = ["ssm:GetParameter"]
      resources = [for name in local.named_parameters : "arn:${local.partition}:ssm:${local.here}:parameter${name}"]
    }
  }

  dynamic "statement" {
    for_each = length(var.secret_arns) == 0 ? [] : [1]

    content {
      sid       = "NamedSecrets"
      actions   = ["ssm:GetParameter", "secretsmanager:GetSecretValue"]
      resources = var.secret_arns
    }
  }

  dynamic "statement" {
    for_each = var.secrets_key_arn == "" ? [] : [1]

    content {
      sid       = "DecryptSecrets"
      actions   = ["kms:Decrypt"]
      resources = [var.secrets_key_arn]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values = [
          for service in ["ssm", "secretsmanager"] :
          "${service}.${local.region}.${data.aws_partition.here.dns_suffix}"
        ]
      }
    }
  }

  dynamic "statement" {
    for_each = var.queue ? [1] : []

    content {
      sid       = "Triggers"
      actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
      resources = [aws_sqs_queue.triggers[0].arn]
    }
  }
}

# --- Wakes -----------------------------------------------------------------------------------------

resource "aws_scheduler_schedule_group" "wakes" {
  name = var.name
}

resource "aws_iam_role" "scheduler" {
  name_prefix        = "${var.name}-scheduler-"
  description        = "The role with which EventBridge Scheduler wakes the Holdoff function"
  assume_role_policy = data.aws_iam_policy_document.scheduler_trust.json
}

# Only schedules of this group may use the role.
data "aws_iam_policy_document" "scheduler_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceArn"
      values   = [aws_scheduler_schedule_group.wakes.arn]
    }
  }
}

resource "aws_iam_role_policy" "scheduler" {
  name   = "holdoff"
  role   = aws_iam_role.scheduler.id
  policy = data.aws_iam_policy_document.scheduler.json
}

data "aws_iam_policy_document" "scheduler" {
  statement {
    sid       = "Wake"
    actions   = ["lambda:InvokeFunction"]
    resources = [aws_lambda_function.holdoff.arn]
  }

  statement {
    sid       = "DeadLetters"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.dead_letters.arn]
  }
}

# Wakes due gates whose schedule was lost. A sweep that is late is dropped, because the next sweep replaces it.
resource "aws_cloudwatch_event_rule" "sweep" {
  name                = "${var.name}-sweep"
  description         = "Holdoff looks for what is overdue"
  schedule_expression = "rate(5 minutes)"
}

resource "aws_cloudwatch_event_target" "sweep" {
  rule  = aws_cloudwatch_event_rule.sweep.name
  arn   = aws_lambda_function.holdoff.arn
  input = jsonencode({ holdoff = "sweep" })

  retry_policy {
    maximum_event_age_in_seconds = 300
    maximum_retry_attempts       = 10
  }
}

resource "aws_lambda_permission" "sweep" {
  function_name = aws_lambda_function.holdoff.function_name
  action        = "lambda:InvokeFunction"
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.sweep.arn
}

resource "aws_cloudwatch_event_rule" "build_ended" {
  name        = "${var.name}-build-ended"
  description = "Builds of Holdoff's projects that have ended"

  event_pattern = jsonencode({
    source      = ["aws.codebuild"]
    detail-type = ["CodeBuild Build State Change"]
    detail = {
      project-name = length(local.projects) == 0 ? [""] : local.projects
      build-status = ["SUCCEEDED", "FAILED", "FAULT", "TIMED_OUT", "STOPPED"]
    }
  })
}

resource "aws_cloudwatch_event_target" "build_ended" {
  rule = aws_cloudwatch_event_rule.build_ended.name
  arn  = aws_lambda_function.holdoff.arn

  dead_letter_config {
    arn = aws_sqs_queue.dead_letters.arn
  }
}

resource "aws_lambda_permission" "build_ended" {
  function_name = aws_lambda_function.holdoff.function_name
  action        = "lambda:InvokeFunction"
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.build_ended.arn
}

resource "aws_cloudwatch_event_rule" "pipeline_ended" {
  count = length(var.code_pipelines) == 0 ? 0 : 1

  name        = "${var.name}-pipeline-ended"
  description = "Executions of Holdoff's pipelines that have ended"

  event_pattern = jsonencode({
    source      = ["aws.codepipeline"]
    detail-type = ["CodePipeline Pipeline Execution State Change"]
    detail = {
      pipeline = var.code_pipelines
      state    = ["SUCCEEDED", "FAILED", "STOPPED", "SUPERSEDED", "CANCELED"]
    }
  })
}

resource "aws_cloudwatch_event_target" "pipeline_ended" {
  count = length(var.code_pipelines) == 0 ? 0 : 1

  rule = aws_cloudwatch_event_rule.pipeline_ended[0].name
  arn  = aws_lambda_function.holdoff.arn

  dead_letter_config {
    arn = aws_sqs_queue.dead_letters.arn
  }
}

resource "aws_lambda_permission" "pipeline_ended" {
  count = length(var.code_pipelines) == 0 ? 0 : 1

  function_name = aws_lambda_function.holdoff.function_name
  action        = "lambda:InvokeFunction"
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.pipeline_ended[0].arn
}

# --- Failed events, for a person to look at --------------------------------------------------------

resource "aws_sqs_queue" "dead_letters" {
  name                      = "${var.name}-dead-letters"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.url
  policy    = data.aws_iam_policy_document.dead_letters.json
}

data "aws_iam_policy_document" "dead_letters" {
  statement {
    sid       = "Rules"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.dead_letters.arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values = concat(
        [aws_cloudwatch_event_rule.build_ended.arn],
        aws_cloudwatch_event_rule.pipeline_ended[*].arn,
        aws_cloudwatch_event_rule.events[*].arn,
      )
    }
  }

  dynamic "statement" {
    for_each = var.topic ? [1] : []

    content {
      sid       = "Topic"
      actions   = ["sqs:SendMessage"]
      resources = [aws_sqs_queue.dead_letters.arn]

      principals {
        type        = "Service"
        identifiers = ["sns.amazonaws.com"]
      }

      condition {
        test     = "ArnEquals"
        variable = "aws:SourceArn"
        values   = [aws_sns_topic.triggers[0].arn]
      }
    }
  }
}

# --- Sources of triggers, if their variables are set -----------------------------------------------

resource "aws_cloudwatch_event_rule" "events" {
  count = var.event_pattern == "" ? 0 : 1

  name          = "${var.name}-events"
  description   = "Events that are triggers"
  event_pattern = var.event_pattern
}

resource "aws_cloudwatch_event_target" "events" {
  count = var.event_pattern == "" ? 0 : 1

  rule = aws_cloudwatch_event_rule.events[0].name
  arn  = aws_lambda_function.holdoff.arn

  dead_letter_config {
    arn = aws_sqs_queue.dead_letters.arn
  }
}

resource "aws_lambda_permission" "events" {
  count = var.event_pattern == "" ? 0 : 1

  function_name = aws_lambda_function.holdoff.function_name
  action        = "lambda:InvokeFunction"
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.events[0].arn
}

resource "aws_sns_topic" "triggers" {
  count = var.topic ? 1 : 0

  name = "${var.name}-triggers"
}

resource "aws_sns_topic_subscription" "triggers" {
  count = var.topic ? 1 : 0

  topic_arn      = aws_sns_topic.triggers[0].arn
  protocol       = "lambda"
  endpoint       = aws_lambda_function.holdoff.arn
  redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead_letters.arn })
}

resource "aws_lambda_permission" "topic" {
  count = var.topic ? 1 : 0

  function_name = aws_lambda_function.holdoff.function_name
  action        = "lambda:InvokeFunction"
  principal     = "sns.amazonaws.com"
  source_arn    = aws_sns_topic.triggers[0].arn
}

resource "aws_sqs_queue" "triggers" {
  count = var.queue ? 1 : 0

  name                      = "${var.name}-triggers"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
  # Six times the function's time-out, as Lambda's documentation recommends.
  visibility_timeout_seconds = 1440
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.trigger_dead_letters[0].arn
    maxReceiveCount     = 5
  })
}

# A queue of its own, because one command can then send its messages back to the trigger queue.
resource "aws_sqs_queue" "trigger_dead_letters" {
  count = var.queue ? 1 : 0

  name                      = "${var.name}-triggers-dead-letters"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_lambda_event_source_mapping" "triggers" {
  count = var.queue ? 1 : 0

  function_name           = aws_lambda_function.holdoff.function_name
  event_source_arn        = aws_sqs_queue.triggers[0].arn
  function_response_types = ["ReportBatchItemFailures"]

  # The writes of one gate follow one another. So more functions at once would only wait for each other.
  scaling_config {
    maximum_concurrency = 5
  }

  depends_on = [aws_iam_role_policy.function]
}

# AWS lets every caller through. The function checks each request's signature, and refuses unsigned requests.
resource "aws_lambda_function_url" "webhooks" {
  count = local.has_webhooks ? 1 : 0

  function_name      = aws_lambda_function.holdoff.function_name
  authorization_type = "NONE"
}

# A function URL needs both permissions: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
resource "aws_lambda_permission" "webhook_url" {
  count = local.has_webhooks ? 1 : 0

  function_name          = aws_lambda_function.holdoff.function_name
  action                 = "lambda:InvokeFunctionUrl"
  principal              = "*"
  function_url_auth_type = "NONE"
}

resource "aws_lambda_permission" "webhook_invoke" {
  count = local.has_webhooks ? 1 : 0

  function_name            = aws_lambda_function.holdoff.function_name
  action                   = "lambda:InvokeFunction"
  principal                = "*"
  invoked_via_function_url = true
}

# --- Alarms ----------------------------------------------------------------------------------------

resource "aws_sns_topic" "alarms" {
  count = var.alarm_email == "" ? 0 : 1

  name = "${var.name}-alarms"
}

resource "aws_sns_topic_subscription" "alarms" {
  count = var.alarm_email == "" ? 0 : 1

  topic_arn = aws_sns_topic.alarms[0].arn
  protocol  = "email"
  endpoint  = var.alarm_email
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name          = "${var.name}-errors"
  alarm_description   = "Invocations fail or time out. Lambda retries them. The log says why"
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = aws_lambda_function.holdoff.function_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "event_errors" {
  alarm_name          = "${var.name}-event-errors"
  alarm_description   = "Events come to no decision, or a wake cannot be scheduled. The log says why"
  namespace           = "Holdoff"
  metric_name         = "Errors"
  dimensions          = { function = aws_lambda_function.holdoff.function_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "failed_starts" {
  alarm_name          = "${var.name}-failed-starts"
  alarm_description   = "Builds could not be started. Holdoff retries them. holdoff explain says why"
  namespace           = "Holdoff"
  metric_name         = "Failures"
  dimensions          = { function = aws_lambda_function.holdoff.function_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  alarm_name          = "${var.name}-dead-letters"
  alarm_description   = "An event failed at every try, or a webhook came to no decision. It is in the dead-letter queue"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead_letters.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "queue_dead_letters" {
  count = var.queue ? 1 : 0

  alarm_name          = "${var.name}-queue-dead-letters"
  alarm_description   = "A message of the trigger queue failed five times. It is in that queue's own dead-letter queue"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.trigger_dead_letters[0].name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
}

# The sweep reports overdue builds. Without any sweep the alarm goes off too. A period of ten minutes has at least one sweep.
resource "aws_cloudwatch_metric_alarm" "overdue" {
  alarm_name          = "${var.name}-overdue"
  alarm_description   = "A build is overdue and nothing starts it, or the sweep does not run"
  namespace           = "Holdoff"
  metric_name         = "Overdue"
  dimensions          = { function = aws_lambda_function.holdoff.function_name }
  statistic           = "Maximum"
  period              = 600
  evaluation_periods  = 2
  threshold           = var.overdue_alarm_seconds
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "breaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "staleness" {
  count = var.staleness_alarm_seconds == 0 ? 0 : 1

  alarm_name          = "${var.name}-staleness"
  alarm_description   = "A change waits too long for its build, for any reason. holdoff status says which"
  namespace           = "Holdoff"
  metric_name         = "Staleness"
  dimensions          = { function = aws_lambda_function.holdoff.function_name }
  statistic           = "Maximum"
  period              = 600
  evaluation_periods  = 1
  threshold           = var.staleness_alarm_seconds
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
}
