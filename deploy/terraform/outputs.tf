output "function_name" {
  description = "Invoke it: aws lambda invoke --function-name ..."
  value       = aws_lambda_function.holdoff.function_name
}

output "function_arn" {
  value = aws_lambda_function.holdoff.arn
}

output "store" {
  description = "For the command line: holdoff status --store ..."
  value       = "dynamodb://${local.table}?region=${local.region}"
}

output "table_name" {
  value = local.table
}

output "webhook_url" {
  description = "The address for webhooks."
  value       = one(aws_lambda_function_url.webhooks[*].function_url)
}

output "topic_arn" {
  value = one(aws_sns_topic.triggers[*].arn)
}

output "queue_url" {
  value = one(aws_sqs_queue.triggers[*].url)
}

output "dead_letters_url" {
  description = "The queue of failed events."
  value       = aws_sqs_queue.dead_letters.url
}
