"""A function that asks AWS for whatever it is told to, by the rights of its role, and says what came of it.

Runs in ministack, uploaded by ``test_rights``; on AWS it would work as well.
"""

from typing import Any

import boto3
from botocore.exceptions import ClientError


def handler(event: dict[str, Any], context: object) -> str:
    """``{"service", "operation", "parameters"}`` -> the error's code, or ``""``."""
    client = boto3.client(event["service"])
    try:
        getattr(client, event["operation"])(**event["parameters"])
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""
