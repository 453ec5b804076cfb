"""What a browser may send as a file: bounded before it reaches memory or disk."""

from django.core.files.uploadhandler import FileUploadHandler, SkipFile

from cases.notes import LARGEST


class Bounded(FileUploadHandler):
    """Drops a file once all files of the request exceed what an attachment may be."""

    def __init__(self, request=None):
        super().__init__(request)
        self.taken = 0

    def receive_data_chunk(self, raw_data, start):
        self.taken += len(raw_data)
        if self.taken > LARGEST + 2**20:  # a little more, so that the form can say what is wrong
            raise SkipFile
        return raw_data

    def file_complete(self, file_size):
        return None
